"""Products with what an adjoint writes, done every few steps while it is still in the caches.

An adjoint sweep writes the gradients δ of a step's sums. A matrix's gradient is Σ δ ⊗ operand over all steps and
sequences, and an input's is δ times a matrix: after the sweep they would read every δ again from memory, and a product
of few columns is slow besides. Here they are a table of jobs, which the sweep goes through every few steps:

    outer    into [m, n]      +=  Σ over steps s and rows r of left[s, r, :m] ⊗ right[s, r, :n]
    inner    into[s, r, :n]  (+)=  left[s, r, :m] · right [m, n]

Both are C[i, j] (+)= Σ_k A(i, k) B(k, j), where j runs along memory. `into` of an outer job is each chunk's own. Either
factor may be a ring: what nobody reads after its products has room for the steps between two times only.

The code is the same for every cell, and one of the functions that all kernels share (`shared.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from unspool.backends.llvm.building import (
    CONTRACT,
    I32,
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
from unspool.backends.llvm.code import KINDS
from unspool.backends.llvm.pointwise import lanes_below
from unspool.backends.llvm.target import Target

FIELDS: tuple[str, ...] = (
    "is_inner",
    "left",  # address of left[0, 0, 0]
    "left step",  # numbers from a step to the next
    "left row",
    "left ring",  # 1 where left[0, 0, 0] is of the first step since the last time, and steps follow in running order
    "right",
    "right step",
    "right row",
    "right ring",  # the same of it
    "edge",  # address of what stands for `right` at the sweep's last step, or 0
    "edge row",
    "into",
    "into step",  # of an outer job from a chunk's to the next one's
    "into row",
    "m",
    "n",
    "add",  # whether to add to what is there, the first time as well
)
"""The words of a job."""

ROWS_AT_ONCE = 64
"""Rows of δ that are worth a pass over the matrices: a gradient is read and written once for all of them."""

COLLECT = ir.FunctionType(ir.VoidType(), [POINTER, *[I64] * 12])
"""`collect(jobs, count, row0, rows, step, direction, slot, steps, is_first, is_last, part, parts, chunk)`: rows from
row0 on of so many steps, from `step` on in the running order, which is in `slot` of a ring; as much of it as falls to
one of `parts` threads that share the work."""

_TILES = {32: ((12, 2), (4, 4), (1, 4)), 16: ((6, 2), (4, 2), (2, 4), (1, 4))}
"""Registers of the processor → (rows, vectors side by side) of the tiles, the highest first: 1 row is always among
them. As many accumulators as leave room to work, and no more rows than lanes, since those are copied as one vector."""

_INNER_TILES = {32: ((8, 2), (4, 4), (1, 4)), 16: _TILES[16]}
"""The same of inner products, whose every row takes an address as well."""

MOST_SUMMED = 2 * ROWS_AT_ONCE
"""Rows of δ at one time, at most: there is room to copy so many."""

_UNROLLED = 4
"""Terms of a sum per turn of its loop."""

Sums = dict[tuple[int, int], Value]
"""(row, vector) of a tile → its accumulator."""


def write_collect(module: ir.Module, dtype: str, target: Target) -> None:
    """Write the function into a module."""
    _Collect(module, dtype, target).write()


class _Collect:
    """Writes `collect`."""

    def __init__(self, module: ir.Module, dtype: str, target: Target) -> None:
        self.module, self.kind, self.item = module, KINDS[dtype], 4 if dtype == "float32" else 8
        self.lanes = target.lanes(self.item)
        tiles = dict[int, int]()
        for height, vectors in _TILES[target.registers]:
            fitting = min(height, self.lanes)
            tiles[fitting] = max(vectors, tiles.get(fitting, 0))
        self.tiles = list(tiles.items())
        self.inner_tiles = _INNER_TILES[target.registers]
        self.vector = ir.VectorType(self.kind, self.lanes)

    def write(self) -> None:
        """Write the function."""
        function = ir.Function(self.module, COLLECT, "function")
        jobs, count, row0, rows, step, direction, slot, steps, is_first, is_last, part, parts, chunk = function.args
        b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
        with loop(b, number(0), count, name="job") as job:
            base = at(b, jobs, b.mul(job, number(len(FIELDS))), I64)
            word = {name: load(b, at(b, base, number(i), I64), I64, 8) for i, name in enumerate(FIELDS)}

            def place(name: str, *offsets: tuple[Value, Value], word: dict[str, Value] = word) -> Value:
                address = b.inttoptr(word[name], POINTER)
                for index, distance in offsets:
                    address = at(b, address, b.mul(index, distance), self.kind)
                return address

            def factor(name: str, word: dict[str, Value] = word) -> tuple[Value, Value]:
                """Its first number, and the distance of its steps in running order."""
                is_ring = b.icmp_signed("!=", word[f"{name} ring"], number(0))
                distance = word[f"{name} step"]
                first = (b.select(is_ring, slot, step), distance)
                onward = b.select(is_ring, distance, b.mul(distance, direction))
                return place(name, first, (row0, word[f"{name} row"])), onward

            left, word["left step"] = factor("left")
            with b.if_else(b.icmp_signed("!=", word["is_inner"], number(0))) as (inner, outer):
                with inner:
                    into = place("into", (step, word["into step"]), (row0, word["into row"]))
                    onward = word | {"into step": b.mul(word["into step"], direction)}
                    self._inner(b, onward, left, into, (rows, steps, part, parts))
                with outer:
                    right, distance = factor("right")
                    at_edge = b.and_(
                        b.icmp_signed("!=", is_last, number(0)), b.icmp_signed("!=", word["edge"], number(0))
                    )
                    right = b.select(at_edge, place("edge", (row0, word["edge row"])), right)
                    row = b.select(at_edge, word["edge row"], word["right row"])
                    into = place("into", (chunk, word["into step"]))
                    add = b.or_(word["add"], b.xor(is_first, number(1)))
                    onward = word | {"right step": distance}
                    self._outer(b, onward, left, (right, row), (into, add), (rows, steps, part, parts))
        b.ret_void()

    def _inner(self, b: Builder, word: dict[str, Value], left: Value, into: Value, span: Sequence[Value]) -> None:
        rows, steps, part, parts = span
        alone = b.icmp_signed("==", rows, number(1))  # then the steps are the rows
        times, height = b.select(alone, number(1), steps), b.select(alone, steps, rows)
        left_row, into_row = (b.select(alone, word[f"{w} step"], word[f"{w} row"]) for w in ("left", "into"))
        low, high = self._share(b, height, part, parts)
        right = b.inttoptr(word["right"], POINTER)
        with loop(b, number(0), times, name="step") as s:
            into_now = at(b, into, b.mul(s, word["into step"]), self.kind)
            left_now = at(b, left, b.mul(s, word["left step"]), self.kind)
            given = (into_now, into_row, left_now, left_row, number(0), right, number(0), word["right row"])
            b.call(self._blocks(True), [*given, number(1), word["m"], low, high, word["n"], word["add"]])

    def _outer(
        self,
        b: Builder,
        word: dict[str, Value],
        left: Value,
        right: tuple[Value, Value],
        into: tuple[Value, Value],
        span: Sequence[Value],
    ) -> None:
        rows, steps, part, parts = span
        address, row = right
        alone = b.icmp_signed("==", rows, number(1))  # one long sum instead of many of one
        lengths = (b.select(alone, number(1), steps), b.select(alone, steps, rows))
        left_row = b.select(alone, word["left step"], word["left row"])
        right_row = b.select(alone, word["right step"], row)
        given = (into[0], word["into row"], left, word["left step"], left_row, address, word["right step"], right_row)
        b.call(self._blocks(False), [*given, *lengths, *self._share(b, word["m"], part, parts), word["n"], into[1]])

    def _share(self, b: Builder, count: Value, part: Value, parts: Value) -> tuple[Value, Value]:
        """One part of a range, in whole tiles."""
        tile = number(self.tiles[0][0])
        tiles = b.sdiv(b.add(count, b.sub(tile, number(1))), tile)
        each = b.mul(b.sdiv(b.add(tiles, b.sub(parts, number(1))), parts), tile)
        low = b.mul(part, each)
        return low, smaller(b, count, b.add(low, each))

    def _blocks(self, is_inner: bool) -> ir.Function:
        """C[low:high, :columns] (+)= A B, tile after tile; k runs through `steps` × `rows`.

        `blocks(c, c row, a, a first, a second, b, b step, b row, steps, rows, low, high, columns, add)`. Of an inner
        product `a first` is the distance of A's rows; otherwise of its steps, and `a second` of its rows within a step.
        """
        name = "inner_blocks" if is_inner else "outer_blocks"
        kind = ir.FunctionType(ir.VoidType(), [POINTER, I64, POINTER, I64, I64, POINTER, *[I64] * 8])
        function = internal(ir.Function(self.module, kind, name))
        c, c_row, a, a_first, a_second, right, b_step, b_row, steps, rows, low, high, columns, add = function.args
        b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
        packed = None if is_inner else b.alloca(self.vector, MOST_SUMMED)
        first: Value = low
        for height, most in self.inner_tiles if is_inner else self.tiles:
            end = b.add(first, b.mul(b.sdiv(b.sub(high, first), number(height)), number(height)))
            end = b.select(b.icmp_signed("<", first, high), end, first)
            with loop(b, first, end, number(height), "row") as row:
                into = at(b, c, b.mul(row, c_row), self.kind)
                if packed is None:
                    source = at(b, a, b.mul(row, a_first), self.kind)
                else:
                    source = packed
                    self._pack(b, packed, at(b, a, row, self.kind), (a_first, a_second), (steps, rows), height)
                done: Value = number(0)
                for vectors in [v for v in (4, 2, 1) if v <= most] + [0]:
                    width = number(max(1, vectors * self.lanes))
                    stop = b.add(done, b.mul(b.sdiv(b.sub(columns, done), width), width))
                    tile = self._tile(is_inner, height, vectors)
                    with loop(b, done, stop, number(max(1, vectors) * self.lanes), "column") as column:
                        place = at(b, into, column, self.kind)
                        start = at(b, right, column, self.kind)
                        valid = b.sub(columns, column)
                        b.call(tile, [place, c_row, source, a_first, start, b_step, b_row, steps, rows, add, valid])
                    done = stop
            first = end
        b.ret_void()
        return function

    def _pack(
        self,
        b: Builder,
        packed: Value,
        source: Value,
        distances: tuple[Value, Value],
        lengths: tuple[Value, Value],
        height: int,
    ) -> None:
        """Copy `height` columns of A, one vector per k: apart from each other its rows may not fit the first cache."""
        (step, row), (steps, rows) = distances, lengths
        mask = None if height == self.lanes else lanes_below(b, number(height), self.lanes)
        with loop(b, number(0), steps, name="s") as s:
            now, into = at(b, source, b.mul(s, step), self.kind), at(b, packed, b.mul(s, rows), self.vector)
            with loop(b, number(0), rows, name="r") as r:
                value = self._load(b, at(b, now, b.mul(r, row), self.kind), mask)
                b.store(value, at(b, into, r, self.vector), align=self.item)

    def _tile(self, is_inner: bool, height: int, vectors: int) -> ir.Function:
        """`height` rows × `vectors` vectors of C, in registers while k runs; 0 vectors are a part of one.

        `tile(c, c row, a, a row, b, b step, b row, steps, rows, add, columns)`: A of an outer product is packed.
        """
        kind = ir.FunctionType(ir.VoidType(), [POINTER, I64, POINTER, I64, POINTER, *[I64] * 6])
        function = internal(ir.Function(self.module, kind, f"{'inner' if is_inner else 'outer'}_{height}x{vectors}"))
        c, c_row, a, a_row, right, b_step, b_row, steps, rows, add, valid = function.args
        b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
        mask = None if vectors else lanes_below(b, valid, self.lanes)
        places = [(i, v) for i in range(height) for v in range(max(1, vectors))]
        of_row = [at(b, c, b.mul(c_row, number(i)), self.kind) for i in range(height)]
        where = {(i, v): at(b, of_row[i], number(v * self.lanes), self.kind) for i, v in places}
        before = b.block
        given, run = b.append_basic_block("given"), b.append_basic_block("run")
        b.cbranch(b.icmp_signed("!=", add, number(0)), given, run)
        b.position_at_end(given)
        there = {place: self._load(b, where[place], mask) for place in places}
        b.branch(run)
        b.position_at_end(run)
        starts = {place: b.phi(self.vector) for place in places}
        for place, phi in starts.items():
            phi.add_incoming(ir.Constant(self.vector, None), before)
            phi.add_incoming(there[place], given)
        # Of an inner product a row of A for each i, and k runs along it; else a packed vector for each k.
        lefts = [at(b, a, b.mul(a_row, number(i)) if is_inner else number(i), self.kind) for i in range(height)]

        def one(k: Value, b_now: Value, offset: int, sums: Sums) -> Sums:
            row = at(b, b_now, b.mul(b_row, number(offset)), self.kind)
            parts = [self._load(b, at(b, row, number(v * self.lanes), self.kind), mask) for v in range(max(1, vectors))]
            place = b.add(k, number(offset))
            place = place if is_inner else b.mul(place, number(self.lanes))
            found = {}
            for i in range(height):
                number_of_a = load(b, at(b, lefts[i], place, self.kind), self.kind, self.item)
                many = splat(b, number_of_a, self.vector)
                for v, part in enumerate(parts):
                    found[i, v] = b.fadd(sums[i, v], b.fmul(many, part, flags=CONTRACT), flags=CONTRACT)
            return found

        def of_step(s: Value, sums: Sums) -> Sums:
            base, b_base = b.mul(s, rows), at(b, right, b.mul(s, b_step), self.kind)
            turn = number(_UNROLLED)
            whole = b.mul(b.sdiv(rows, turn), turn)

            def several(r: Value, now: Sums) -> Sums:
                b_now = at(b, b_base, b.mul(r, b_row), self.kind)
                for offset in range(_UNROLLED):
                    now = one(b.add(base, r), b_now, offset, now)
                return now

            def single(r: Value, now: Sums) -> Sums:
                return one(b.add(base, r), at(b, b_base, b.mul(r, b_row), self.kind), 0, now)

            sums = self._summed(b, number(0), whole, turn, sums, several)
            return self._summed(b, whole, rows, number(1), sums, single)

        totals = self._summed(b, number(0), steps, number(1), starts, of_step)
        for place in places:
            self._store(b, totals[place], where[place], mask)
        b.ret_void()
        return function

    def _summed(
        self, b: Builder, start: Value, stop: Value, step: Value, sums: Sums, body: Callable[[Value, Sums], Sums]
    ) -> Sums:
        """`sums` after `body(index, sums)` of every index, which keeps them in registers."""
        entry = b.block
        head, inside, after = (b.append_basic_block(n) for n in ("k.head", "k.body", "k.after"))
        b.branch(head)
        b.position_at_end(head)
        index = b.phi(I64, "k")
        index.add_incoming(start, entry)
        phis = {place: b.phi(self.vector) for place in sums}
        for place, phi in phis.items():
            phi.add_incoming(sums[place], entry)
        b.cbranch(b.icmp_signed("<", index, stop), inside, after)
        b.position_at_end(inside)
        found = body(index, phis)
        for place, phi in phis.items():
            phi.add_incoming(found[place], b.block)
        index.add_incoming(b.add(index, step), b.block)
        b.branch(head)
        b.position_at_end(after)
        return phis

    def _load(self, b: Builder, address: Value, mask: Value | None) -> Value:
        if mask is None:
            return load(b, address, self.vector, self.item)
        kind = ir.FunctionType(self.vector, [POINTER, I32, mask.type, self.vector])
        function = self._intrinsic(f"llvm.masked.load.v{self.lanes}f{self.item * 8}.p0", kind)
        return b.call(function, [address, ir.Constant(I32, self.item), mask, ir.Constant(self.vector, None)])

    def _store(self, b: Builder, value: Value, address: Value, mask: Value | None) -> None:
        if mask is None:
            b.store(value, address, align=self.item)
            return
        kind = ir.FunctionType(ir.VoidType(), [self.vector, POINTER, I32, mask.type])
        function = self._intrinsic(f"llvm.masked.store.v{self.lanes}f{self.item * 8}.p0", kind)
        b.call(function, [value, address, ir.Constant(I32, self.item), mask])

    def _intrinsic(self, name: str, kind: ir.FunctionType) -> ir.Function:
        return self.module.globals.get(name) or ir.Function(self.module, kind, name)
