"""Gradients of matrices and inputs that come of products inside an adjoint sweep, where these are small enough."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from unspool.runtime.compiled.gradients import Known
from unspool.runtime.compiled.words import Operand, Stream, Words

K = TypeVar("K", bound=Hashable)

_LARGEST = 1 << 18
"""Bytes of a matrix whose gradient stays in a core's second-level cache, beside all else that is needed."""

_MOST_SUMS = 1 << 26
"""Bytes of the sums of all chunks of the batch: of many short sequences it would be more than what they are sums of."""

_LARGEST_OF_INPUT = 1 << 17
"""Bytes of a matrix that an input's gradient is multiplied with in the sweep."""


@dataclass(frozen=True)
class Piece:
    """Σ over steps and sequences of left ⊗ right, into a matrix from a row on; at the last step `edge` is the right."""

    row: int
    left: Stream
    right: Stream
    edge: Operand | None = None


def collect_matrices(words: Words, wanted: Mapping[K, tuple[tuple[int, ...], Sequence[Piece]]]) -> dict[K, Known]:
    """The gradients of matrices [m, n] that are had inside the sweep; the others are had faster after it."""
    item = words.kernel.item
    fit = {k: w for k, w in wanted.items() if math.prod(w[0]) * item <= _LARGEST}
    total = sum(math.prod(shape) for shape, _ in fit.values())
    if not words.can_collect or words.chunks * total * item > _MOST_SUMS:
        return {}
    return {key: _collected(words, (shape[0], shape[1]), pieces) for key, (shape, pieces) in fit.items()}


def _collected(words: Words, shape: tuple[int, int], pieces: Sequence[Piece]) -> Known:
    # What is narrower than a vector is better spread out the other way.
    turned = shape[1] < words.kernel.lanes and len(pieces) == 1 and pieces[0].edge is None
    rows, columns = reversed(shape) if turned else shape
    # Pieces set their rows, unless some rows are set twice or never.
    filled = sorted(row for p in pieces for row in range(p.row, p.row + p.left.width))
    is_set = filled == list(range(shape[0]))
    gradient = words.new(shape)
    sums = words.inside((words.chunks, rows * columns), zero=not is_set)
    for piece in pieces:
        left, right = (piece.right, piece.left) if turned else (piece.left, piece.right)
        first = piece.row * (1 if turned else columns)
        words.outer(sums, first, columns, left, right, piece.edge, add=not is_set)
    into = (1, rows) if turned else (columns, 1)
    words.total(gradient, sums, (rows, columns), into=into, parts=words.chunks)
    return Known(gradient.place)


def collect_inputs(
    words: Words, wanted: Mapping[str, tuple[Operand, Sequence[tuple[Stream, Operand]]]]
) -> dict[str, Known]:
    """The gradients of inputs [T, B, n], of their products' gradients [T, B, m] and matrices [m, n], as above."""
    found: dict[str, Known] = {}
    for name, (x, products) in wanted.items():
        sizes = [math.prod(matrix.shape) * words.kernel.item for _, matrix in products]
        if words.can_collect and sizes and max(sizes) <= _LARGEST_OF_INPUT:
            gradient = words.new(x.shape)
            for i, (delta, matrix) in enumerate(products):
                words.inner(gradient, delta, matrix, add=i > 0)
            found[name] = Known(gradient.place)
    return found
