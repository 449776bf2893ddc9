"""From a cell's graph and tensors to its unrolled result: plan cache and dispatch to a backend."""

from unspool.runtime.dispatch import backend_for, kernel_for
from unspool.runtime.unroll import is_transformed, unroll

__all__ = ["backend_for", "is_transformed", "kernel_for", "unroll"]
