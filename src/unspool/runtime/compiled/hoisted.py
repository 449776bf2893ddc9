"""Products with every step at once, outside the loop: W x for all T·B rows, and their gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unspool.runtime.compiled.watching import is_watched

_NARROW = 64
"""Columns below which the matrix product of torch's BLAS is several times faster in its transposed form."""


def multiply(x: Tensor, matrix: Tensor, into: Tensor) -> None:
    """X [T, B, I] times matrix [N, I], transposed, into [T, B, N]."""
    torch.mm(x.flatten(0, 1), matrix.t(), out=into.view(-1, into.shape[-1]))


def gradient_of_input(gradient: Tensor, matrix: Tensor) -> Tensor:
    """[T, B, I], of a product's gradient [T, B, N]."""
    by = matrix if matrix.shape[1] >= _NARROW else matrix.t().contiguous().t()
    return (gradient.flatten(0, 1) @ by).view(*gradient.shape[:-1], -1)


def gradient_of_matrix(gradient: Tensor, x: Tensor) -> Tensor:
    """[N, I], of a product's gradient [T, B, N] and its input [T, B, I]."""
    return (x.flatten(0, 1).t() @ gradient.flatten(0, 1)).t()


def product(x: Tensor, matrix: Tensor) -> Tensor:
    """Torch's linear, whose gradients are in the dtype of `x` under autocast too: of products outside a sweep."""
    return functional.linear(x, matrix) if is_watched((x, matrix)) else _Product.apply(x, matrix)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor) -> Tensor:
        ctx.save_for_backward(x, matrix)
        return functional.linear(x, matrix)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (gradient,), (x, matrix) = gradients, ctx.saved_tensors
        with torch.autocast("cpu", enabled=False):  # would turn these into bfloat16
            of_x = gradient @ matrix if ctx.needs_input_grad[0] else None
            rows = gradient.reshape(-1, gradient.shape[-1]), x.reshape(-1, x.shape[-1])
            of_matrix = rows[0].t() @ rows[1] if ctx.needs_input_grad[1] else None
        return of_x, of_matrix
