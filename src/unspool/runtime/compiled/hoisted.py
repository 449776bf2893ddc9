"""A product with every step at once, outside the loop: W x for all T·B rows, into memory that is used again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unspool.runtime.compiled import memory
from unspool.runtime.compiled.watching import is_watched

_NARROW = 64
"""Columns below which the matrix product of torch's BLAS is several times faster in its transposed form."""

_SMALL = 1 << 14
"""Numbers below which the call itself takes the time, and torch's own linear takes the least."""


def hoisted_product(x: Tensor, matrix: Tensor) -> Tensor:
    """X [T, B, I] times matrix [N, I], transposed: [T, B, N]. The same as torch's linear, in reused memory."""
    # A tracer comes first: it would make a condition of every size that is looked at.
    if x.dim() < 3 or is_watched((x, matrix)):
        return functional.linear(x, matrix)
    if torch.is_grad_enabled() and (x.requires_grad or matrix.requires_grad):
        return _Product.apply(x, matrix)
    if x.shape[0] * x.shape[1] * matrix.shape[0] < _SMALL:
        return functional.linear(x, matrix)
    return _multiply(x, matrix)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor) -> Tensor:
        ctx.save_for_backward(x, matrix)
        return _multiply(x, matrix)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        if torch.is_autocast_enabled("cpu"):  # would turn the products below into bfloat16
            with torch.autocast("cpu", enabled=False):
                return _Product.backward(ctx, *gradients)
        (gradient,), (x, matrix) = gradients, ctx.saved_tensors
        rows, flat = gradient.flatten(0, 1), x.flatten(0, 1)
        of_x = of_matrix = None
        if ctx.needs_input_grad[0]:
            by = matrix if matrix.shape[1] >= _NARROW else matrix.t().contiguous().t()
            of_x = (rows @ by).view(x.shape)
        if ctx.needs_input_grad[1]:
            of_matrix = (flat.t() @ rows).t()
        return of_x, of_matrix


def _multiply(x: Tensor, matrix: Tensor) -> Tensor:
    steps, batch, _ = x.shape
    result = memory.empty((steps * batch, matrix.shape[0]), x.dtype)
    torch.mm(x.flatten(0, 1), matrix.t(), out=result)
    return result.view(steps, batch, matrix.shape[0])
