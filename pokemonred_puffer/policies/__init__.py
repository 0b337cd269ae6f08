"""Policies: classes with `encode_observations(flat)` -> (N, width) and `decode_actions(hidden)` -> (logits, value)."""
