"""Matrix products inside the loop: packed matrices, and where tiles of them accumulate.

A packed matrix is a row of panels, one per block of units: [block][k][result][units of the block]. The
tiles of rows × units that take an operand through a panel are functions which all kernels share (`tiles.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from unspool.backends.llvm.building import I64, Builder, Value, at, load, loop, number, smaller
from unspool.backends.llvm.tiles import TILES
from unspool.backends.llvm.tiling import Tiling


def accumulate(
    b: Builder,
    tiling: Tiling,
    tiles: Value,
    accumulators: Value,
    panel: Value,
    operand: Value,
    row: Value,
    depth: Value,
    rows: Value,
    more: bool,
) -> None:
    """accumulators[rows, width] (+)= operand[rows, depth] · panel[depth, width].

    Args:
        b: where to write it.
        tiling: the tiling.
        tiles: the address of its tiles.
        accumulators: address; rows are `width` apart.
        panel: address of the block's panel.
        operand: address; rows are `row` apart.
        row: see operand.
        depth: k.
        rows: how many.
        more: whether to add to the accumulators instead of setting them.
    """
    function = b.inttoptr(tiles, TILES.as_pointer())
    with loop(b, number(0), depth, number(tiling.depth), "k") as k:
        rest = smaller(b, b.sub(depth, k), number(tiling.depth))
        add = ir.Constant(I64, 1) if more else b.zext(b.icmp_signed(">", k, number(0)), I64)
        part = at(b, panel, b.mul(k, number(tiling.width)), tiling.kind)
        b.call(function, [accumulators, part, at(b, operand, k, tiling.kind), row, rest, rows, add])


def pack(
    b: Builder,
    tiling: Tiling,
    panel: Value,
    matrices: list[tuple[Value, Value]],
    size: Value,
    depth: Value,
    transposed: bool,
    span: Callable[[Value], tuple[Value, Value]] | None = None,
    width: Value | None = None,
) -> None:
    """Write the panels of stacked matrices.

    Args:
        b: where to write it.
        tiling: the tiling.
        panel: address of the panels.
        matrices: (address, row stride) of each.
        size: units of the result.
        depth: units of the operand; of a panel, where `span` is given.
        transposed: whether the result's units are the stored matrix's columns.
        span: for block-diagonal matrices: first unit of a block of units → (first k, number of k) of its panel.
        width: for block-diagonal matrices: units of a diagonal block.
    """
    kind, item = tiling.kind, tiling.item_bytes
    zero = ir.Constant(kind, 0.0)
    with loop(b, number(0), size, number(tiling.block), "block") as first:
        start, length = span(first) if span else (number(0), depth)
        base = b.mul(b.sdiv(first, number(tiling.block)), b.mul(depth, number(tiling.width)))
        for result, (matrix, stride) in enumerate(matrices):
            with loop(b, number(0), length, name="k") as step, loop(b, number(0), number(tiling.block), name="j") as j:
                unit, k = b.add(first, j), b.add(start, step)
                there = b.icmp_signed("<", unit, size)
                row, column = (k, unit) if transposed else (unit, k)
                if width is not None:
                    same = b.icmp_signed("==", b.sdiv(unit, width), b.sdiv(k, width))
                    there = b.and_(there, same)
                    column = b.srem(column, width)
                place = b.select(there, b.add(b.mul(row, stride), column), number(0))
                value = b.select(there, load(b, at(b, matrix, place, kind), kind, item), zero)
                inside = b.add(b.mul(step, number(tiling.width)), b.add(j, number(result * tiling.block)))
                b.store(value, at(b, panel, b.add(base, inside), kind), align=item)
