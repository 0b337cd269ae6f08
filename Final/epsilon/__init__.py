"""The older flat value agent, kept as a baseline; see README.md beside this file."""
