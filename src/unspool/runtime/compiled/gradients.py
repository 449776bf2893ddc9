"""Recipes: how each gradient is had from the tensors that are there after an adjoint sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from unspool.runtime.compiled import memory
from unspool.runtime.compiled.hoisted import gradient_of_input, gradient_of_matrix


@dataclass(frozen=True)
class Column:
    """Columns of a tensor [T, B, n] or [B, n], which is named by its place."""

    place: int
    start: int
    width: int

    def of(self, tensors: Sequence[Any]) -> Tensor:
        """The columns."""
        tensor = tensors[self.place]
        whole = self.width == tensor.shape[-1]
        return tensor if whole else tensor[..., self.start : self.start + self.width]


class Recipe(Protocol):
    """A gradient to be."""

    @property
    def places(self) -> tuple[int, ...]:
        """Of the tensors that it is had from."""
        ...

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """The gradient, from all tensors of the call by their places."""
        ...


@dataclass(frozen=True)
class Known:
    """The sweep wrote it."""

    place: int

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        return (self.place,)

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        return tensors[self.place]


@dataclass(frozen=True)
class Nothing:
    """Zeros, of the shape of the tensor in `place`."""

    place: int

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        return (self.place,)

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        return torch.zeros_like(tensors[self.place], memory_format=torch.contiguous_format)


@dataclass(frozen=True)
class Stacked:
    """Columns put in their places, zeros between them."""

    shape: tuple[int, ...]
    place: int
    parts: tuple[tuple[int, Column], ...]

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        return (self.place, *(column.place for _, column in self.parts))

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        gradient = torch.zeros(self.shape, dtype=tensors[self.place].dtype)
        for start, column in self.parts:
            gradient[..., start : start + column.width] = column.of(tensors)
        return gradient


@dataclass(frozen=True)
class Total:
    """The sum of a column, of a number."""

    column: Column
    shape: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        return (self.column.place,)

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        return self.column.of(tensors).sum().reshape(self.shape)


@dataclass(frozen=True)
class OfInput:
    """Of the input of a product before the loop, of the product's."""

    delta: Recipe
    matrix: int

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        return (*self.delta.places, self.matrix)

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        return gradient_of_input(self.delta.gradient(tensors), tensors[self.matrix])


@dataclass(frozen=True)
class OfHoisted:
    """Of the matrix of a product before the loop, likewise."""

    delta: Recipe
    x: int

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        return (*self.delta.places, self.x)

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        return gradient_of_matrix(self.delta.gradient(tensors), tensors[self.x])


@dataclass(frozen=True)
class Added:
    """The sum of several."""

    parts: tuple[Recipe, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        return tuple(place for part in self.parts for place in part.places)

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        first, *others = (part.gradient(tensors) for part in self.parts)
        for other in others:
            first = first + other
        return first


@dataclass(frozen=True)
class Product:
    """Σ delta ⊗ operand, into some rows of a matrix.

    Attributes:
        first, last: the rows.
        delta: [T, B, rows].
        parts: (steps of delta, values that were multiplied, steps of the values).
        missing: rows among them that nothing has been written to.
        add: whether it is added to what is there.
    """

    first: int
    last: int
    delta: Column
    parts: tuple[tuple[slice, Column, slice], ...]
    missing: tuple[tuple[int, int], ...]
    add: bool


@dataclass(frozen=True)
class Products:
    """A matrix's gradient, product by product.

    Attributes:
        shape, place: of the matrix.
        products: in order.
        untouched: rows that no product reaches.
        blocks: whether the matrix is block-diagonal: units of one block alone are multiplied.
    """

    shape: tuple[int, ...]
    place: int
    products: tuple[Product, ...]
    untouched: tuple[tuple[int, int], ...]
    blocks: bool

    @property
    def places(self) -> tuple[int, ...]:
        """See `Recipe`."""
        columns = [c for p in self.products for c in (p.delta, *(values for _, values, _ in p.parts))]
        return (self.place, *(column.place for column in columns))

    def gradient(self, tensors: Sequence[Any]) -> Tensor:
        """See `Recipe`."""
        gradient = memory.empty(self.shape, tensors[self.place].dtype)
        for first, last in self.untouched:
            gradient[first:last] = 0
        for product in self.products:
            for first, last in product.missing:
                gradient[first:last] = 0
            whole = product.first == 0 and product.last == len(gradient)
            into = gradient if whole else gradient[product.first : product.last]
            delta, add = product.delta.of(tensors), product.add
            for steps, column, values in product.parts:
                operand = column.of(tensors)
                right = operand if operand.dim() == 2 else operand[values].flatten(0, 1)
                _outer(into, delta[steps].flatten(0, 1), right, blocks=self.blocks, add=add)
                add = True
        return gradient


def _outer(into: Tensor, left: Tensor, right: Tensor, *, blocks: bool, add: bool) -> None:
    """Into (+)= leftᵀ right, within each diagonal block alone where there are `blocks`."""
    if blocks:
        _outer_blocks(into, left, right, add=add)
    elif add:
        into.addmm_(left.T, right)
    else:
        torch.mm(left.T, right, out=into)


def _outer_blocks(into: Tensor, left: Tensor, right: Tensor, *, add: bool) -> None:
    """Into [n·N·w, w], N diagonal blocks of w units for each of n gates; left [R, n·N·w], right [R, N·w]."""
    width = into.shape[-1]
    rows = left.unflatten(-1, (-1, width)).permute(1, 2, 0)
    columns = right.unflatten(-1, (-1, width)).transpose(0, 1)
    blocks = len(columns)
    for part, of_gate in zip(into.unflatten(0, (-1, blocks, width)), rows.split(blocks), strict=True):
        torch.baddbmm(part, of_gate, columns, beta=int(add), out=part)
