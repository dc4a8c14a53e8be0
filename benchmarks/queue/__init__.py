"""Our queue against what a user would pick instead, all in one run: `python -m benchmarks.queue`."""
