"""Tiles: a few rows of an operand through a panel, with rows × results × units in registers while k runs.

Rows that do not fill the last tile are shared out evenly (16 rows in tiles of at most 3 are four of 3 and two of 2), so
that no tile of a single row is left behind. What a tile is depends on how many vectors lie side by side in a panel's
row, and on nothing else of a cell: so they are functions that all kernels share.
"""

from __future__ import annotations

from llvmlite import ir

from unspool.backends.llvm.building import (
    CONTRACT,
    I64,
    POINTER,
    Builder,
    Value,
    at,
    internal,
    load,
    loop,
    number,
    smaller,
    splat,
)
from unspool.backends.llvm.target import Target
from unspool.backends.llvm.tiling import Tiling

TILES = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, I64, I64, I64, I64])
"""`tiles(accumulators, panel, operand, row, depth, rows, add)`: all rows through one panel."""


def write_tiles(module: ir.Module, dtype: str, target: Target, columns: int) -> None:
    """Write the function for panels of so many vectors into a module."""
    item = 4 if dtype == "float32" else 8
    tiling = Tiling(columns, 1, target.lanes(item), item, target.registers)
    function = ir.Function(module, TILES, "function")
    accumulators, panel, operand, row, depth, rows, add = function.args
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
    most = number(tiling.most_rows)
    tiles = b.sdiv(b.add(rows, number(tiling.most_rows - 1)), most)
    each, longer = b.sdiv(rows, tiles), b.srem(rows, tiles)
    with loop(b, number(0), tiles, name="tile") as tile:
        done = b.add(b.mul(tile, each), smaller(b, tile, longer))
        height = b.add(each, b.zext(b.icmp_signed("<", tile, longer), I64))
        into = at(b, accumulators, b.mul(done, number(tiling.width)), tiling.kind)
        source = at(b, operand, b.mul(done, row), tiling.kind)
        after = b.append_basic_block("done")
        switch = b.switch(height, after)
        for count in range(1, tiling.most_rows + 1):
            block = b.append_basic_block(f"rows.{count}")
            switch.add_case(number(count), block)
            b.position_at_end(block)
            b.call(_tile(module, tiling, count), [into, panel, source, row, depth, add])
            b.branch(after)
        b.position_at_end(after)
    b.ret_void()


def _tile(module: ir.Module, tiling: Tiling, rows: int) -> ir.Function:
    """`rows` rows through one panel, everything in registers."""
    kind = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, I64, I64, I64])
    function = internal(ir.Function(module, kind, f"tile_{rows}"))
    accumulators, panel, operand, row, depth, more = function.args
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
    vector, item = tiling.vector, tiling.item_bytes
    places = [(r, c) for r in range(rows) for c in range(tiling.columns)]
    zero = ir.Constant(vector, None)
    given = b.icmp_signed("!=", more, number(0))
    starts = {}
    for r, c in places:
        so_far = load(b, _at(b, accumulators, r * tiling.width + c * tiling.lanes, tiling), vector, item)
        starts[r, c] = b.select(given, so_far, zero)
    # A fused operation takes about 8 half-cycles: with fewer accumulators, further ones take every second, … step.
    phases = 1
    while phases * len(places) < 8 and phases < 4:
        phases *= 2
    sources = [at(b, operand, b.mul(row, number(r)), tiling.kind) for r in range(rows)]

    def step(k: Value, offset: int, sums: dict[tuple[int, int], Value]) -> dict[tuple[int, int], Value]:
        base = at(b, panel, b.mul(k, number(tiling.width)), tiling.kind)

        def part(c: int) -> Value:
            return load(b, _at(b, base, offset * tiling.width + c * tiling.lanes, tiling), vector, item)

        def many(r: int) -> Value:
            value = load(b, at(b, sources[r], b.add(k, number(offset)), tiling.kind), tiling.kind, item)
            return splat(b, value, vector)

        def add(r: int, c: int, left: Value, right: Value) -> Value:
            return b.fadd(sums[r, c], b.fmul(left, right, flags=CONTRACT), flags=CONTRACT)

        # The fewer of rows and columns stay in registers while the others come one by one: accumulators need the rest.
        found = {}
        if rows < tiling.columns:
            held = [many(r) for r in range(rows)]
            for c in range(tiling.columns):
                one = part(c)
                found |= {(r, c): add(r, c, held[r], one) for r in range(rows)}
        else:
            held = [part(c) for c in range(tiling.columns)]
            for r in range(rows):
                one = many(r)
                found |= {(r, c): add(r, c, one, held[c]) for c in range(tiling.columns)}
        return found

    unroll = max(4 if len(places) < 12 else 2, phases)
    whole = b.mul(b.sdiv(depth, number(unroll)), number(unroll))
    entry = b.block
    head, body, after = (b.append_basic_block(n) for n in ("k.head", "k.body", "k.after"))
    b.branch(head)
    b.position_at_end(head)
    k = b.phi(I64, "k")
    k.add_incoming(number(0), entry)
    carried = [{place: b.phi(vector) for place in places} for _ in range(phases)]
    for phase, sums in enumerate(carried):
        for place, phi in sums.items():
            phi.add_incoming(zero if phase else starts[place], entry)
    b.cbranch(b.icmp_signed("<", k, whole), body, after)
    b.position_at_end(body)
    current = [dict(sums) for sums in carried]
    for offset in range(unroll):
        current[offset % phases] = step(k, offset, current[offset % phases])
    for phase, sums in enumerate(carried):
        for place, phi in sums.items():
            phi.add_incoming(current[phase][place], b.block)
    k.add_incoming(b.add(k, number(unroll)), b.block)
    b.branch(head)
    b.position_at_end(after)
    totals: dict[tuple[int, int], Value] = dict(carried[0])
    for sums in carried[1:]:
        totals = {place: b.fadd(totals[place], sums[place]) for place in places}
    entry = b.block
    head, body, after = (b.append_basic_block(n) for n in ("rest.head", "rest.body", "rest.after"))
    b.branch(head)
    b.position_at_end(head)
    k = b.phi(I64, "rest")
    k.add_incoming(whole, entry)
    phis = {place: b.phi(vector) for place in places}
    for place, phi in phis.items():
        phi.add_incoming(totals[place], entry)
    b.cbranch(b.icmp_signed("<", k, depth), body, after)
    b.position_at_end(body)
    ended = step(k, 0, dict(phis))
    for place, phi in phis.items():
        phi.add_incoming(ended[place], b.block)
    k.add_incoming(b.add(k, number(1)), b.block)
    b.branch(head)
    b.position_at_end(after)
    for (r, c), phi in phis.items():
        b.store(phi, _at(b, accumulators, r * tiling.width + c * tiling.lanes, tiling), align=item)
    b.ret_void()
    return function


def _at(b: Builder, base: Value, offset: int, tiling: Tiling) -> Value:
    return at(b, base, number(offset), tiling.kind)
