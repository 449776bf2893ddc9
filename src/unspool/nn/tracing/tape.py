"""What a traced step computes, element by element.

A traced tensor is a tensor of the same shape that holds *ids*: `element · batch + row`. An element is one unit of one
vector; the row says of which member of the batch. Moving data (view, transpose, cat, chunk, …) is then done by torch
itself, on the ids; nothing has to guess which axis is the batch, and sizes that happen to be equal are never confused.
What computes adds a vector to the tape, and refuses where two members of the batch meet.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from unspool.errors import CellError
from unspool.lang import maximum

Elements = np.ndarray
"""[N] int64: which elements a vector is read from."""


@dataclass(frozen=True)
class Variable:
    """The input or a state of the module, by name."""

    name: str


@dataclass(frozen=True)
class Leaf:
    """A tensor that depends on parameters, buffers and constants only, flattened; `node` computes it."""

    node: fx.Node


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Unitwise:
    """`function` of each unit of its arguments, which are elements or plain numbers."""

    function: Callable[..., Any]
    arguments: tuple[Elements | float | None, ...]


@dataclass(frozen=True)
class Matrix:
    """A still tensor [rows, columns]: what `node` computes, or one part of it, transposed or not."""

    node: fx.Node
    index: int | None
    transposed: bool


@dataclass(frozen=True)
class Product:
    """`matrix` @ operand."""

    matrix: Matrix
    operand: Elements


@dataclass(frozen=True)
class Reduction:
    """A reduction ("sum", "largest" or "size") over each row of `elements` [N, K]: N numbers."""

    operation: str
    elements: Elements


Origin = Variable | Leaf | Number | Unitwise | Product | Reduction


@dataclass
class Tape:
    """The vectors of a step in the order in which they are computed.

    Attributes:
        batch: members of the batch in the trace.
        dtype: of the input.
        origins: where each vector comes from.
        starts: the first element of each vector, and the number of elements after the last.
    """

    batch: int
    dtype: torch.dtype
    origins: list[Origin] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    _moving: list[Elements] = field(default_factory=list)
    _total: list[bool] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, origin: Origin, size: int, moving: Any, total: bool = True) -> int:
        """First element of a new vector; `moving` says which elements differ between members of the batch."""
        self.origins.append(origin)
        self.starts.append(self.starts[-1] + size)
        self._moving.append(np.broadcast_to(np.asarray(moving), (size,)))
        self._total.append(total)
        return self.starts[-2]

    def variable(self, name: str, size: int) -> Tensor:
        """Ids [batch, size] of the input or a state."""
        start = self.add(Variable(name), size, True)
        return (start + torch.arange(size)) * self.batch + torch.arange(self.batch)[:, None]

    def leaf(self, node: fx.Node, shape: Sequence[int]) -> Tensor:
        """Ids of a still tensor."""
        size = int(np.prod(shape))
        return (self.add(Leaf(node), size, False) + torch.arange(size)).reshape(tuple(shape)) * self.batch

    def number(self, value: float, shape: Sequence[int]) -> Tensor:
        """Ids of a tensor full of one number."""
        start = self._numbers.get(repr(value))
        if start is None:
            start = self._numbers[repr(value)] = self.add(Number(value), 1, False, bool(np.isfinite(value)))
        return torch.full(tuple(shape), start * self.batch)

    def unitwise(self, function: Callable[..., Any], *arguments: "Tensor | float | None", total: bool = True) -> Tensor:
        """Ids of `function` applied to each unit; `total` if it is finite wherever its arguments are.

        Raises:
            CellError: members of the batch meet.
        """
        tensors = torch.broadcast_tensors(*(a for a in arguments if isinstance(a, Tensor)))
        elements, rows = self._parted([t.numpy() for t in tensors])
        code = np.zeros(elements[0].shape, np.int64)
        for part in elements:
            code = np.unique(code, return_inverse=True)[1].reshape(-1) * self.starts[-1] + part
        first, inverse = _distinct(code)
        elements = [e[first] for e in elements]
        moving = np.any([self.is_moving(e) for e in elements], axis=0)
        total = total and all(self.is_total(e) for e in elements)
        given = iter(elements)
        origin = Unitwise(function, tuple(next(given) if isinstance(a, Tensor) else a for a in arguments))
        start = self.add(origin, len(first), moving, total)
        return self._ids(start + inverse, rows).reshape(tensors[0].shape)

    def product(self, matrix: Matrix, rows: int, operands: Tensor) -> Tensor:
        """Ids [N, rows] of `matrix` @ each of `operands` [N, columns].

        Raises:
            CellError: members of the batch meet.
        """
        elements, members = self._row_by_row(operands)
        _, first, inverse = np.unique(elements, axis=0, return_index=True, return_inverse=True)
        starts = np.zeros(len(first), np.int64)
        for found in np.argsort(first):
            operand = elements[first[found]]
            moving = bool(self.is_moving(operand).any())
            starts[found] = self.add(Product(matrix, operand), rows, moving, self.is_total(operand))
        return self._ids(starts[inverse.reshape(-1)][:, None] + np.arange(rows), members[:, None])

    def reduce(self, operation: str, rows: Tensor) -> Tensor:
        """Ids [N] of a reduction over each of `rows` [N, K].

        Raises:
            CellError: members of the batch meet.
        """
        elements, members = self._row_by_row(rows)
        _, first, inverse = np.unique(elements, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        distinct = elements[first[order]]
        if len(distinct) > 1 and sum(map(self.breaks, distinct)) > sum(map(self.breaks, distinct.T)):
            return self._vector_by_vector(operation, rows)
        total = self.is_total(distinct)
        start = self.add(Reduction(operation, distinct), len(distinct), np.any(self.is_moving(distinct), axis=1), total)
        return self._ids(start + rank[inverse.reshape(-1)], members)

    def vector(self, ids: Tensor) -> Elements | None:
        """The elements [N] of ids [batch, N], if row r of them is the same vector of member r."""
        elements, rows = np.divmod(ids.numpy(), self.batch)
        own = (rows == np.arange(self.batch)[:, None]) | ~self.is_moving(elements)
        return elements[0] if own.all() and (elements == elements[0]).all() else None

    def is_moving(self, elements: Elements) -> np.ndarray:
        """Which elements differ between members of the batch."""
        if len(self._moving) > 1:
            self._moving = [np.concatenate(self._moving)]
        return self._moving[0][elements]

    def is_total(self, elements: Elements) -> bool:
        """Whether all elements are finite whatever the input is (short of overflow)."""
        return all(self._total[i] for i in np.unique(self.owners(elements)))

    def owners(self, elements: Elements) -> np.ndarray:
        """The vector that each element belongs to."""
        return np.searchsorted(self.starts, elements, side="right") - 1

    def breaks(self, elements: Elements) -> int:
        """How often the next element is neither the following one of the same vector nor the same one."""
        steps = np.diff(elements)
        same = np.diff(self.owners(elements)) == 0
        return int((~(same & ((steps == 1) | (steps == 0)))).sum())

    def _vector_by_vector(self, operation: str, rows: Tensor) -> Tensor:
        """A reduction of few long vectors, such as gates that are added up."""
        if operation == "size":
            return self.number(rows.shape[1], rows.shape[:1])
        function = operator.add if operation == "sum" else maximum
        return functools.reduce(functools.partial(self.unitwise, function), rows.T)

    def _row_by_row(self, ids: Tensor) -> tuple[Elements, np.ndarray]:
        """Elements [N, K] and the one member [N] of the batch that each row of them belongs to."""
        (elements,), members = self._parted([ids.numpy()], axis=1)
        return elements.reshape(ids.shape), members

    def _parted(self, ids: list[np.ndarray], axis: int | None = None) -> tuple[list[Elements], np.ndarray]:
        """Elements of each of `ids`, flat, and the one member of the batch that all of them belong to."""
        parts = [np.divmod(i, self.batch) for i in ids]
        seen = [np.where(self.is_moving(e), r, -1) for e, r in parts]
        rows = np.max(seen, axis=0)
        if axis is not None:
            rows = rows.max(axis, keepdims=True)
        if any(((s != rows) & (s >= 0)).any() for s in seen):
            raise CellError("it mixes the members of the batch", hint="a step treats every member of the batch alone")
        rows = np.maximum(rows, 0)
        return [e.reshape(-1) for e, _ in parts], rows.reshape(-1)

    def _ids(self, elements: Elements, rows: np.ndarray) -> Tensor:
        """Ids of new elements, which every member of the batch must have."""
        ids = elements * self.batch + np.where(self.is_moving(elements), rows, 0)
        moving = np.unique(ids[self.is_moving(elements)])
        if len(moving) != len(np.unique(moving // self.batch)) * self.batch:
            raise CellError(
                "members of the batch are not treated alike", hint="a step treats every member of the batch alone"
            )
        return torch.from_numpy(ids)


def _distinct(code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct value is first seen, in order, and for every value which of these it is."""
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse.reshape(-1)]
