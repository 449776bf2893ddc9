"""How a graph's parameters are computed from a module's: whole, or pieces of them, or of what is computed from them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg


@dataclass(frozen=True)
class Piece:
    """Where a parameter of the graph is found.

    Attributes:
        source: the tensor it is a piece of; None for ones.
        index: which part of a tensor with three axes.
        rows, columns: [start, end) of the piece in its stored orientation; columns None for a vector.
        transposed: the stored orientation is the source's transpose.
        is_number: one number, without an axis.
    """

    source: fx.Node | None
    rows: tuple[int, int]
    columns: tuple[int, int] | None = None
    index: int | None = None
    transposed: bool = False
    is_number: bool = False

    def taken_from(self, values: Mapping[fx.Node, Tensor], like: Tensor) -> Tensor:
        """The piece, a view where it can be one; of the dtype of `like` if it is not of real numbers."""
        if self.source is None:
            if self.columns is None:
                return like.new_ones(self.rows[1])
            eye = torch.eye(self.rows[1], dtype=like.dtype, device=like.device)
            return eye[:, self.columns[0] : self.columns[1]]
        value = values[self.source]
        if not value.is_floating_point():
            value = value.to(like.dtype)
        if self.columns is None:
            value = value.reshape(()) if self.is_number else _cut(value.reshape(-1), 0, self.rows)
            return value
        if self.index is not None:
            value = value[self.index]
        if self.transposed:
            value = value.mT
        return _cut(_cut(value, 0, self.rows), 1, self.columns)


class Weights:
    """The still part of a recording: runs at every call, before the first step.

    Args:
        pieces: graph parameter → where it is found.
        names: placeholder → name of the module's parameter or buffer.
        constants: `get_attr` node → its tensor.
    """

    def __init__(
        self, pieces: Mapping[str, Piece], names: Mapping[fx.Node, str], constants: Mapping[fx.Node, Tensor]
    ) -> None:
        self.pieces = dict(pieces)
        self._names = dict(names)
        self._constants = dict(constants)
        self._order = _needed_for(p.source for p in pieces.values() if p.source is not None)

    def __call__(self, find: Callable[[str], Tensor], like: Tensor) -> dict[str, Tensor]:
        """The graph's parameters; `find` gives the module's parameter or buffer of a name."""
        values: dict[fx.Node, Any] = {}
        for node in self._order:
            if node in self._names:
                values[node] = find(self._names[node])
            elif node in self._constants:
                values[node] = self._constants[node]
            else:
                values[node] = run_node(node, values.__getitem__)
        return {name: piece.taken_from(values, like) for name, piece in self.pieces.items()}


def run_node(node: fx.Node, value_of: Callable[[fx.Node], Any]) -> Any:
    """The result of one operation."""
    target: Any = node.target
    arguments: Any = map_arg(node.args, value_of)
    options: Any = map_arg(node.kwargs, value_of)
    return target(*arguments, **options)


def _needed_for(nodes: Iterable[fx.Node]) -> list[fx.Node]:
    """`nodes` and what they are computed from, in order."""
    seen: set[fx.Node] = set()
    todo = list(nodes)
    graph = todo[0].graph if todo else fx.Graph()
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(node.all_input_nodes)
    return [node for node in graph.nodes if node in seen]


def _cut(value: Tensor, axis: int, piece: tuple[int, int]) -> Tensor:
    start, end = piece
    return value if (start, end) == (0, value.shape[axis]) else value.narrow(axis, start, end - start)
