"""Frozen agents that newer ones are measured against."""
