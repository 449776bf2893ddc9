"""A derivative in blocks, each a sum of terms diag(rows) · M · diag(columns), for N states at once.

    ∂c'/∂h of an LSTM     a₁ ∘ R_f + a₂ ∘ R_i + a₃ ∘ R_g       three vectors for each state; the matrices are shared
    ∂c'/∂c                a₄, a diagonal                       one vector

What works unit by unit scales rows, and a sum puts terms side by side, so that mostly vectors are computed. Matrices
for each state are formed at the end, or where a further product needs one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from unspool.backends.reference.operations import block_product


@final
@dataclass(frozen=True)
class Term:
    """diag(rows) · matrix · diag(columns), [m, n], for each of N states; without an axis N it is the same for all.

    Attributes:
        matrix: [m, n] or [N, m, n], where m may be 1 for a row that is repeated; None is the identity.
        rows: [m] or [N, m], or a number; of an identity [n] or [N, n].
        columns: [n] or [N, n]; None is the identity.
    """

    matrix: Tensor | None
    rows: Tensor | float = 1.0
    columns: Tensor | None = None

    def part(self, index: slice) -> Term:
        """For some of the N states."""

        def of(tensor: Any, axes: int) -> Any:
            return tensor[index] if isinstance(tensor, Tensor) and tensor.dim() > axes else tensor

        return Term(of(self.matrix, 2), of(self.rows, 1), of(self.columns, 1))


Block = tuple[Term, ...]
"""A sum of terms, [m, n]."""


class Blocks(dict[int, Block]):
    """The derivative of a value by columns: the first column of each block that is not zero → the block."""


def identity_blocks(size: int, first: int, like: Tensor) -> Blocks:
    """The derivative of a vector by columns that are the vector itself, from column `first` on."""
    return Blocks({first: (Term(None, like.new_ones(size)),)})


@final
@dataclass(frozen=True)
class Jacobian:
    """The Jacobians of N steps, in blocks.

    Attributes:
        rows: (size, derivative) of each part of the result, in order.
        columns: the first column and the size of each part of what it is derived by, in order.
    """

    rows: tuple[tuple[int, Blocks], ...]
    columns: tuple[tuple[int, int], ...]

    def part(self, index: slice) -> Jacobian:
        """Those of some of the N steps."""
        rows = [(n, {k: tuple(t.part(index) for t in block) for k, block in blocks.items()}) for n, blocks in self.rows]
        return replace(self, rows=tuple((n, Blocks(blocks)) for n, blocks in rows))

    def dense(self, like: Tensor) -> Tensor:
        """[N, rows, columns], of the dtype and N of states `like` [N, ·]."""

        def of(blocks: Blocks, size: int, first: int, width: int) -> Tensor:
            found = _formed(blocks[first]) if first in blocks else like.new_zeros(())
            return found.expand(len(like), size, width)

        return torch.cat([torch.cat([of(b, n, *c) for c in self.columns], -1) for n, b in self.rows], -2)

    def formed(self, like: Tensor) -> Formed:
        """Its matrices and diagonals, for products with columns; `like` as for `dense`."""
        matrices, diagonals = [], []
        for first, width in self.columns:
            begin, met = 0, []
            for size, blocks in self.rows:
                block, part = blocks.get(first, ()), slice(begin, begin + size)
                begin += size
                met += [(part, terms)] if (terms := _with_matrix(block)) else []
                diagonals += [(part, slice(first, first + width), _by_row(t.rows)) for t in block if t.matrix is None]
            if met:
                # One product for all rows from the first to the last: it is faster than several.
                start = met[0][0].start
                stacked = like.new_zeros((len(like), met[-1][0].stop - start, width))
                for part, terms in met:
                    _add(terms, stacked[:, part.start - start : part.stop - start])
                matrices.append((slice(start, met[-1][0].stop), slice(first, first + width), stacked))
        return Formed(sum(size for size, _ in self.rows), tuple(matrices), tuple(diagonals))


@final
@dataclass(frozen=True)
class Formed:
    """Jacobians of N steps, to be multiplied with columns.

    Attributes:
        size: rows of the whole.
        matrices: (rows, columns, [N, rows, columns]).
        diagonals: (rows, columns, [N, n, 1] or [n, 1]).
    """

    size: int
    matrices: tuple[tuple[slice, slice, Tensor], ...]
    diagonals: tuple[tuple[slice, slice, Tensor], ...]

    def part(self, index: slice) -> Formed:
        """Those of some of the N steps."""
        matrices = tuple((r, c, m[index]) for r, c, m in self.matrices)
        return replace(
            self,
            matrices=matrices,
            diagonals=tuple((r, c, d[index] if d.dim() == 3 else d) for r, c, d in self.diagonals),
        )

    def __matmul__(self, columns: Tensor) -> Tensor:
        """[N, rows, K], times [N, columns, K]."""
        total: Tensor | None = None
        for rows, part, matrix in self.matrices:
            product = matrix @ columns[:, part]
            if total is None and product.shape[1] == self.size:
                total = product
            else:
                total = self._zeros(columns) if total is None else total
                total[:, rows] += product
        total = self._zeros(columns) if total is None else total
        for rows, part, diagonal in self.diagonals:
            total[:, rows].addcmul_(diagonal, columns[:, part])
        return total

    def _zeros(self, columns: Tensor) -> Tensor:
        return columns.new_zeros((len(columns), self.size, columns.shape[-1]))


def _added(left: Blocks, right: Blocks) -> Blocks:
    result = Blocks(left)
    for first, block in right.items():
        terms = list(result.get(first, ()))
        for term in block:
            for index, other in enumerate(terms):
                if term.matrix is other.matrix and term.columns is other.columns:
                    terms[index] = replace(other, rows=other.rows + term.rows)
                    break
            else:
                terms.append(term)
        result[first] = tuple(terms)
    return result


def _scaled(blocks: Blocks, factor: Tensor | float) -> Blocks:
    """Each row times its unit's factor: [N, m] or [m], or a number for all units, [N, 1] where it differs."""
    if isinstance(factor, float) and factor == 0.0:
        return Blocks()
    return Blocks({k: tuple(replace(t, rows=t.rows * factor) for t in block) for k, block in blocks.items()})


def _product(matrix: Tensor, blocks: Blocks) -> Blocks:
    def of(block: Block) -> Block:
        terms = [_behind(matrix, t.rows) for t in block if t.matrix is None]
        if matrices := _with_matrix(block):
            whole = _formed(matrices)
            terms.append(Term(_full(matrix, whole.shape[-2]) @ whole))
        return tuple(terms)

    return Blocks({k: of(block) for k, block in blocks.items()})


LINEAR: dict[str, Callable[..., Blocks]] = {
    "add": _added,
    "subtract": lambda a, b: _added(a, _scaled(b, -1.0)),
    "negate": lambda a: _scaled(a, -1.0),
    "multiply": lambda a, b: _scaled(a, b) if isinstance(a, Blocks) else _scaled(b, a),
    "divide": lambda a, b: _scaled(a, 1.0 / b),
    "product": _product,
    "sum": lambda a: Blocks({k: (Term(_formed(block).sum(-2, keepdim=True)),) for k, block in a.items()}),
}
"""What a tangent's graph does to tangents, on blocks."""


def _behind(matrix: Tensor, diagonal: Any) -> Term:
    """A matrix times a diagonal; one that all states share is multiplied at once."""
    full = _full(matrix, diagonal.shape[-1])
    return Term(full * diagonal) if diagonal.dim() == 1 else Term(full, columns=diagonal)


def _with_matrix(block: Block) -> Block:
    return tuple(t for t in block if t.matrix is not None)


def _formed(block: Block) -> Tensor:
    """The sum of the terms as a matrix, [m, n] or [N, m, n]."""
    total: Tensor | None = None
    for matrix, scale in map(_scaled_matrix, block):
        if isinstance(scale, Tensor):
            total = matrix * scale if total is None else torch.addcmul(total, scale, matrix)
        else:
            matrix = matrix if scale == 1.0 else matrix * scale
            total = matrix if total is None else total + matrix
    assert total is not None
    return total


def _add(block: Block, total: Tensor) -> None:
    """Add the terms to `total` [N, m, n], which takes no memory besides."""
    for matrix, scale in map(_scaled_matrix, block):
        total.addcmul_(scale, matrix) if isinstance(scale, Tensor) else total.add_(matrix, alpha=scale)


def _scaled_matrix(term: Term) -> tuple[Tensor, Any]:
    """A term's matrix with its columns scaled, and what its rows are to be scaled by."""
    if term.matrix is None:
        assert isinstance(term.rows, Tensor)
        return torch.diag_embed(term.rows), 1.0
    matrix = term.matrix if term.columns is None else term.matrix * term.columns[..., None, :]
    return matrix, _by_row(term.rows)


def _by_row(rows: Tensor | float) -> Any:
    return rows[..., None] if isinstance(rows, Tensor) else rows


def _full(matrix: Tensor, width: int) -> Tensor:
    """A matrix of this width; of a narrower one, of diagonal blocks, the zeros are filled in."""
    if matrix.shape[1] == width:
        return matrix
    return block_product(torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device), matrix).mT
