"""The trainer: a hierarchical recurrent DQN, its loop, logs and tools."""
