"""The conformance kit: whether a cell, anybody's, computes what its page says, on every backend."""

from unspool.testing.check import Check
from unspool.testing.kit import check_cell, checks

__all__ = ["Check", "check_cell", "checks"]
