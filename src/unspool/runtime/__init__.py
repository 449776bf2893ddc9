"""From a cell's graph and tensors to its unrolled result: plan cache and dispatch to a backend."""

from unspool.runtime.blocks import Blocks, Formed, Jacobian, identity_blocks
from unspool.runtime.dispatch import backend_for, kernel_for
from unspool.runtime.jacobian import tangent_blocks, tangent_steps
from unspool.runtime.parameters import made_matrices
from unspool.runtime.unroll import is_transformed, unroll

__all__ = [
    "Blocks",
    "Formed",
    "Jacobian",
    "backend_for",
    "identity_blocks",
    "is_transformed",
    "kernel_for",
    "made_matrices",
    "tangent_blocks",
    "tangent_steps",
    "unroll",
]
