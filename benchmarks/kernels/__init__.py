"""Speed of the recurrence compiler beside its rivals: `python -m benchmarks.kernels`."""
