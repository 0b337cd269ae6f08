"""The puffer PPO baseline: recurrent PPO in CleanRL's manner (Huang et al. 2022) on envs that pufferlib vectorises."""
