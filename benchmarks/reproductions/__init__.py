"""Classical results, run again: `python -m benchmarks.reproductions --data DIR`."""
