"""Reward sets: `terms` computes the weighted terms, `baseline` names upstream's classes."""
