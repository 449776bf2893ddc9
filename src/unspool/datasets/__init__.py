"""Small real data that ship with the package."""

from unspool.datasets.co2 import co2_path, load_co2

__all__ = ["co2_path", "load_co2"]
