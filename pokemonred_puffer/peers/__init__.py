"""Stable-Baselines3's DQN and RecurrentPPO on the same env, to compare with (extra: bench)."""
