"""Benchmarks: wengert side by side with its peers, in one process, as ratios of medians. Run `python -m benchmarks`."""
