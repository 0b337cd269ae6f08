"""Benchmarks: run each as `python -m benchmarks.NAME`; results stand in RESULTS.md."""
