"""Wrappers that config.yaml's `wrappers` sets compose around an environment; each takes `(env, settings)`."""
