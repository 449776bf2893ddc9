"""The reference backend: the plain loop over time in torch operations, and the oracle of every test."""

from unspool.backends.reference.exporting import is_exporting
from unspool.backends.reference.kernel import ReferenceKernel

__all__ = ["ReferenceKernel", "is_exporting"]
