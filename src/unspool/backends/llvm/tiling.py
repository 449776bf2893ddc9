"""How the products of a step are cut into blocks of units and tiles of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llvmlite import ir

from unspool.backends.llvm.target import Target
from unspool.ir.sizes import in_numbers, is_block_diagonal
from unspool.passes.stages import Group, Stage, Term

_PANEL_BYTES = 16 * 1024
"""A stretch of a panel that stays in the first-level cache while all rows pass through it."""

_MOST_ROWS = {
    16: {1: 8, 2: 6, 3: 4, 4: 3},
    32: {1: 14, 2: 12, 3: 8, 4: 6},
}
"""Registers of the processor → vectors side by side → rows of a tile: as many accumulators as leave room to work."""


@dataclass(frozen=True)
class Tiling:
    """How one group of products is tiled.

    Attributes:
        results: stacked results.
        vectors: vectors of units in a block, per result.
        lanes: numbers in a vector.
        item_bytes: bytes of a number.
        registers: vector registers of the processor.
    """

    results: int
    vectors: int
    lanes: int
    item_bytes: int
    registers: int

    @property
    def kind(self) -> ir.Type:
        """Type of a number."""
        return ir.FloatType() if self.item_bytes == 4 else ir.DoubleType()

    @property
    def block(self) -> int:
        """Units in a block."""
        return self.vectors * self.lanes

    @property
    def width(self) -> int:
        """Numbers in a panel's row, and in a row of accumulators."""
        return self.results * self.block

    @property
    def columns(self) -> int:
        """Vectors in a panel's row."""
        return self.results * self.vectors

    @property
    def most_rows(self) -> int:
        """Rows of the largest tile."""
        return _MOST_ROWS[self.registers][self.columns]

    @property
    def depth(self) -> int:
        """How much of k a panel in the first-level cache has."""
        return max(32, _PANEL_BYTES // (self.width * self.item_bytes) // 32 * 32)

    @property
    def vector(self) -> ir.VectorType:
        """Type of a vector."""
        return ir.VectorType(self.kind, self.lanes)


def tiling_of(stage: Stage, group: Group, dtype: str, target: Target) -> Tiling:
    """The tiling of a group; all of a stage have blocks of as many units. One product alone takes two vectors."""
    item = 4 if dtype == "float32" else 8
    vectors = columns_of(stage, group) // len(group.results)
    return Tiling(len(group.results), vectors, target.lanes(item), item, target.registers)


def columns_of(stage: Stage, group: Group) -> int:
    """Vectors in a row of a group's panels."""
    return len(group.results) * (2 if max(len(g.results) for g in stage.groups) == 1 else 1)


def panel_blocks(stage: Stage, part: Term, tiling: Tiling, sizes: Mapping[str, int]) -> tuple[int, int]:
    """(blocks of units, depth of a panel) of a packed matrix.

    A panel is as deep as the operand; of block-diagonal matrices as deep as one block of units can need.
    """
    shape = part.weight.shape
    whole, (_, width) = sizes[stage.size], in_numbers(shape, sizes)
    blocks = -(-whole // tiling.block)
    if is_block_diagonal(shape):
        return blocks, min(whole, ((tiling.block - 1) // width + 2) * width)
    return blocks, in_numbers(shape[:1] if part.transposed else shape[1:], sizes)[0]
