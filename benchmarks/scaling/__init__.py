"""A day of recordings against ways to decide how many workers there are: `python -m benchmarks.scaling`."""
