"""A sweep as LLVM code: threads take chunks of the batch and run the whole time loop on them.

Three functions take the words of `Arguments`:

    pack(words)     packs every matrix once
    work(words)     takes chunks until there are none left; run by every thread
    launch(words)   packs, then works on as many threads as are asked for
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from llvmlite import ir

from unspool.backends.llvm.arguments import Arguments
from unspool.backends.llvm.building import BIT, I8, I32, I64, POINTER, at, copy, load, loop, number, smaller
from unspool.backends.llvm.mathematics import emit
from unspool.backends.llvm.pointwise import Places, Vector, across, lanes_below
from unspool.backends.llvm.products import accumulate, pack
from unspool.backends.llvm.target import Target
from unspool.backends.llvm.tiling import Tiling, tiling_of
from unspool.ir import Apply, Read
from unspool.ir.print import written
from unspool.ir.sizes import is_block_diagonal, plain_letters
from unspool.passes.stages import Group, Schedule, Stage
from unspool.passes.sweep import weight_name

KINDS: dict[str, ir.Type] = {"float32": ir.FloatType(), "float64": ir.DoubleType()}


def generate(schedule: Schedule, dtype: str, target: Target, *, is_adjoint: bool) -> ir.Module:
    """The module of a sweep. Cost: tens of milliseconds.

    Args:
        schedule: the sweep's stages.
        dtype: "float32" or "float64".
        target: the processor.
        is_adjoint: whether the sweep is an adjoint: a reset then ends a gradient instead of beginning a state.
    """
    module = ir.Module(name=schedule.sweep.name)
    arguments = Arguments(schedule, is_adjoint=is_adjoint)
    _Pack(module, arguments, dtype, target).write()
    _Work(module, arguments, dtype, target).write()
    _launch(module, arguments)
    return module


class _Function:
    """A function over the words, with what all of them need."""

    name = ""

    def __init__(self, module: ir.Module, arguments: Arguments, dtype: str, target: Target) -> None:
        self.module, self.arguments, self.schedule = module, arguments, arguments.schedule
        self.sweep, self.target, self.dtype, self.kind = arguments.sweep, target, dtype, KINDS[dtype]
        self.item = 4 if dtype == "float32" else 8
        self.lanes = target.lanes(self.item)
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), self.name)
        self.b = ir.IRBuilder(self.function.append_basic_block("entry"))
        self._words: dict[str, ir.Value] = {}
        self._pointers: dict[str, ir.Value] = {}
        # Every word is loaded at the entry, so that it dominates its uses.
        self._entry = self.b.block

    def word(self, name: str) -> ir.Value:
        """A word of the arguments."""
        if name not in self._words:
            with self.b.goto_block(self._entry):
                self._words[name] = load(self.b, self._address(name), I64, 8, name.replace(" ", "_"))
        return self._words[name]

    def pointer(self, name: str) -> ir.Value:
        """A word that is an address."""
        if name not in self._pointers:
            word = self.word(name)
            with self.b.goto_block(self._entry):
                self._pointers[name] = self.b.inttoptr(word, POINTER)
        return self._pointers[name]

    def size(self, size: str) -> ir.Value:
        """Units of a vector of `size`: a letter, or H/N."""
        whole, *divisors = (self.word(f"size {letter}") for letter in plain_letters(size))
        for divisor in divisors:
            whole = self.b.sdiv(whole, divisor)
        return whole

    def tiling(self, stage: Stage, group: Group) -> Tiling:
        """How a group of products is tiled."""
        return tiling_of(stage, group, self.dtype, self.target)

    def panel_depth(self, stage: Stage, group: Group, term: int) -> ir.Value:
        """k of one panel: all of the operand, or for block-diagonal matrices as much as a block of units can need."""
        part = group.terms[term][0]
        rows, columns = part.weight.shape[::-1] if part.transposed else part.weight.shape
        if not is_block_diagonal(part.weight.shape):
            return self.size(columns)
        whole, width = self.size(part.weight.shape[0]), self.size(part.weight.shape[1])
        spanned = self.b.add(self.b.sdiv(number(self.tiling(stage, group).block - 1), width), number(2))
        return smaller(self.b, whole, self.b.mul(spanned, width))

    def span(self, stage: Stage, group: Group, term: int, first: ir.Value) -> tuple[ir.Value, ir.Value]:
        """(first k, number of k) that a block of units from `first` on needs."""
        weight = group.terms[term][0].weight
        if not is_block_diagonal(weight.shape):
            return number(0), self.panel_depth(stage, group, term)
        b, whole, width = self.b, self.size(weight.shape[0]), self.size(weight.shape[1])
        last = smaller(b, b.add(first, number(self.tiling(stage, group).block - 1)), b.sub(whole, number(1)))
        start = b.mul(b.sdiv(first, width), width)
        stop = b.mul(b.add(b.sdiv(last, width), number(1)), width)
        return start, b.sub(stop, start)

    def _address(self, name: str) -> ir.Value:
        return at(self.b, self.function.args[0], number(self.arguments.index[name]), I64)


class _Pack(_Function):
    """`pack`: every matrix into panels."""

    name = "pack"

    def write(self) -> None:
        """Write the function."""
        body = self.b.append_basic_block("body")
        self.b.position_at_end(body)
        for s, g, t in self.arguments.panels:
            stage = self.schedule.stages[s]
            group = stage.groups[g]
            parts = group.terms[t]
            matrices = [(self.pointer(f"weight {weight_name(p.weight)}"), self._row(p.weight)) for p in parts]
            shape, blocks = parts[0].weight.shape, is_block_diagonal(parts[0].weight.shape)
            pack(
                self.b,
                self.tiling(stage, group),
                self.pointer(f"panel {s}.{g}.{t}"),
                matrices,
                self.size(stage.size),
                self.panel_depth(stage, group, t),
                parts[0].transposed,
                self._span(stage, group, t) if blocks else None,
                self.size(shape[1]) if blocks else None,
            )
        self.b.ret_void()
        with self.b.goto_block(self._entry):
            self.b.branch(body)

    def _row(self, weight: Any) -> ir.Value:
        return self.word(f"weight row {weight_name(weight)}")

    def _span(self, stage: Stage, group: Group, term: int) -> Callable[[ir.Value], tuple[ir.Value, ir.Value]]:
        return lambda first: self.span(stage, group, term, first)


class _Work(_Function):
    """`work`: chunk after chunk, the whole time loop on each."""

    name = "work"

    def write(self) -> None:
        """Write the function."""
        b = self.b
        body, take, run, done = (b.append_basic_block(n) for n in ("body", "take", "run", "done"))
        b.position_at_end(body)
        worker = self._count("next_worker")
        self.workspace = b.add(self.word("workspace"), b.mul(worker, self.word("workspace_bytes")))
        b.branch(take)
        b.position_at_end(take)
        chunk = self._count("next_chunk")
        chunks = b.mul(self.word("row_chunks"), self.word("unit_chunks"))
        b.cbranch(b.icmp_signed("<", chunk, chunks), run, done)
        b.position_at_end(run)
        self._run_chunk(chunk)
        b.branch(take)
        b.position_at_end(done)
        b.ret_void()
        with b.goto_block(self._entry):
            b.branch(body)

    def _count(self, name: str) -> ir.Value:
        return self.b.atomic_rmw("add", self._address(name), number(1), "monotonic")

    def _run_chunk(self, chunk: ir.Value) -> None:
        b = self.b
        self.row_chunk = b.sdiv(chunk, self.word("unit_chunks"))
        self.row0 = b.mul(self.row_chunk, self.word("rows"))
        self.rows = smaller(b, self.word("rows"), b.sub(self.word("batch"), self.row0))
        if self.schedule.pointwise:
            self.low = b.mul(b.srem(chunk, self.word("unit_chunks")), self.word("units"))
        else:
            self.low = number(0)
        self._begin()
        with loop(b, number(0), self.word("steps"), name="step") as step:
            self.t = b.add(self.word("first"), b.mul(step, self.word("direction")))
            self.is_odd = b.trunc(step, BIT)
            if not self.arguments.is_adjoint:
                self._resets(self._begin_anew)
                self._keep_states_before()
            for index, stage in enumerate(self.schedule.stages):
                self._stage(index, stage)
            self._number_writes()
            if self.arguments.is_adjoint:
                self._resets(self._end_gradient)
        self._end()

    # What frames the time loop

    def _begin(self) -> None:
        """States, lengths and sums before the first step."""
        b = self.b
        ends, steps = self._space("ends"), self.word("steps")
        with loop(b, number(0), self.rows, name="row") as row:
            b.store(steps, at(b, ends, row, I64), align=8)
            with b.if_then(b.icmp_signed("!=", self.word("lengths"), number(0))):
                end = load(b, at(b, self.pointer("lengths"), b.add(self.row0, row), I64), I64, 8)
                b.store(end, at(b, ends, row, I64), align=8)
        for state in self.sweep.states:
            self._copy_rows(state.size, self._outside(f"initial {state.name}"), self._inside(f"even {state.name}", state.size))
        for name, position in self.sweep.sums:
            letter = self._letter(position)
            start = at(b, self._sum(name, letter), self.low, self.kind)
            with loop(b, number(0), self._span_of(letter, padded=True), name="unit") as unit:
                b.store(ir.Constant(self.kind, 0.0), at(b, start, unit, self.kind), align=self.item)

    def _end(self) -> None:
        """States after the last step."""
        self.is_odd = self.b.trunc(self.word("steps"), BIT)
        for state in self.sweep.states:
            width = self.size(state.size)
            final = (self.pointer(f"final {state.name}"), width)
            self._copy_rows(state.size, self._state(state.name), self._from_row0(final))

    def _resets(self, act: Callable[[ir.Value], None]) -> None:
        """`act` on every row whose state is reset at this step."""
        b = self.b
        with b.if_then(b.icmp_signed("!=", self.word("crossing"), number(0))):
            flags = at(b, self.pointer("crossing"), b.add(b.mul(self.t, self.word("batch")), self.row0), I8)
            with loop(b, number(0), self.rows, name="row") as row:
                flag = load(b, at(b, flags, row, I8), I8, 1)
                with b.if_then(b.icmp_signed("!=", flag, ir.Constant(I8, 0))):
                    act(row)

    def _begin_anew(self, row: ir.Value) -> None:
        for state in self.sweep.states:
            rest = self._row(self._outside(f"rest {state.name}"), row)
            self._copy_row(state.size, rest, self._row(self._state(state.name), row))

    def _end_gradient(self, row: ir.Value) -> None:
        b = self.b
        for state in self.sweep.states:
            into = self._row(self._outside(f"rest {state.name}"), row)
            gradient = self._row(self._state(state.name, after=True), row)
            with loop(b, self.low, self._high(state.size), name="unit") as unit:
                place = at(b, gradient, unit, self.kind)
                total = at(b, into, unit, self.kind)
                both = b.fadd(load(b, total, self.kind, self.item), load(b, place, self.kind, self.item))
                b.store(both, total, align=self.item)
                b.store(ir.Constant(self.kind, 0.0), place, align=self.item)

    def _keep_states_before(self) -> None:
        """The states before the step, where a later reader could not find them in what is written after a step."""
        b = self.b
        for state in self.sweep.states:
            with b.if_then(b.icmp_signed("!=", self.word(f"before {state.name}"), number(0))):
                into = self._stream("before", state.name)
                self._copy_rows(state.size, self._state(state.name), into)

    # A stage

    def _stage(self, index: int, stage: Stage) -> None:
        b = self.b
        for position in stage.reduced:
            self._clear_lanes(position)
        if stage.groups:
            block = self.tiling(stage, stage.groups[0]).block
            with loop(b, number(0), self.size(stage.size), number(block), "block") as first:
                accumulators = self._products(index, stage, first)
                self._rows(stage, accumulators, first, block)
        else:
            self._rows(stage, {}, None, self.lanes)
        for position in stage.reduced:
            self._reduce(position)

    def _products(self, index: int, stage: Stage, first: ir.Value) -> dict[int, tuple[ir.Value, int]]:
        """Position of each product → (address of its first accumulator, distance of rows)."""
        b, found = self.b, {}
        scratch = self._space("scratch")
        for g, group in enumerate(stage.groups):
            tiling = self.tiling(stage, group)
            for t, parts in enumerate(group.terms):
                depth = self.panel_depth(stage, group, t)
                start, length = self.span(stage, group, t, first)
                before = b.mul(b.sdiv(first, number(tiling.block)), b.mul(depth, number(tiling.width)))
                panel = at(b, self.pointer(f"panel {index}.{g}.{t}"), before, self.kind)
                operand, row = self._operand(parts[0].operand)
                operand = at(b, operand, start, self.kind)
                accumulate(b, tiling, scratch, panel, operand, row, length, self.rows, more=t > 0)
            for r, position in enumerate(group.results):
                found[position] = (at(b, scratch, number(r * tiling.block), self.kind), tiling.width)
            scratch = at(b, scratch, b.mul(self.rows, number(tiling.width)), self.kind)
        return found

    def _operand(self, position: int) -> tuple[ir.Value, ir.Value]:
        node = self.sweep.nodes[position]
        if isinstance(node, Read):
            if node.name in {s.name for s in self.sweep.states}:
                return self._state(node.name)
            return self._stream("read", node.name)
        return self._inside(f"held {position}", self._letter(position))

    def _rows(
        self, stage: Stage, accumulators: dict[int, tuple[ir.Value, int]], first: ir.Value | None, block: int
    ) -> None:
        """The pointwise equations of a stage, for the units of one block or for all."""
        b, size = self.b, self._high(stage.size)
        low = self.low if first is None else first
        high = size if first is None else smaller(b, size, b.add(first, number(block)))
        whole = b.add(low, b.mul(b.sdiv(b.sub(high, low), number(self.lanes)), number(self.lanes)))
        with loop(b, number(0), self.rows, name="row") as row:
            end = load(b, at(b, self._space("ends"), row, I64), I64, 8)
            with b.if_else(b.icmp_signed("<", self.t, end), likely=True) as (alive, ended):
                with alive:
                    places = self._places(stage, row, accumulators)
                    with loop(b, low, whole, number(self.lanes), "unit") as unit:
                        self._vector(stage, places, row, unit, first, None)
                    with b.if_then(b.icmp_signed("<", whole, high)):
                        mask = lanes_below(b, b.sub(high, whole), self.lanes)
                        self._vector(stage, places, row, whole, first, mask)
                with ended:
                    self._ended(stage, row, low, high)

    def _places(self, stage: Stage, row: ir.Value, accumulators: dict[int, tuple[ir.Value, int]]) -> Places:
        """Where this row's values are."""
        places = self._row_places(row)
        for position in self.arguments.held:
            if self.schedule.stage_of[position] < stage.number:
                places.known[position] = self._row(self._inside(f"held {position}", self._letter(position)), row)
        for position, (address, distance) in accumulators.items():
            places.block[position] = at(self.b, address, self.b.mul(row, number(distance)), self.kind)
        return places

    def _row_places(self, row: ir.Value) -> Places:
        def address(name: str) -> ir.Value:
            where, rest = name.split(" ", 1)
            if where == "weight":
                return self.pointer(name)
            return self._row(self._state(rest) if where == "state" else self._stream(where, rest), row)

        numbers = {p: at(self.b, self._space(f"number {p}"), row, self.kind) for p in self.arguments.reduced}
        return Places(address, self.size, numbers)

    def _vector(
        self, stage: Stage, places: Places, row: ir.Value, unit: ir.Value, first: ir.Value | None, mask: ir.Value | None
    ) -> None:
        """All that a stage stores of one vector of units. Every value is there before the first is stored."""
        b, sweep = self.b, self.sweep
        inside = None if first is None else b.sub(unit, first)
        vector = Vector(b, sweep, self.kind, self.lanes, unit, inside, mask, places, self._comments)
        wanted = [*stage.held, *(sweep.next_states[i] for i in stage.states)]
        wanted += [*(sweep.writes[i][1] for i in stage.writes), *(sweep.sums[i][1] for i in stage.sums)]
        wanted += [self._argument(p) for p in stage.reduced]
        for position in wanted:
            vector.value(position)
        for position in stage.held:
            into = self._row(self._inside(f"held {position}", stage.size), row)
            vector.store(vector.value(position), into, outside=False)
        for i in stage.states:
            into = self._row(self._state(sweep.states[i].name, after=True), row)
            vector.store(vector.value(sweep.next_states[i]), into, outside=False)
        for i in stage.writes:
            name, position = sweep.writes[i]
            vector.store(vector.value(position), self._row(self._stream("write", name), row), outside=True)
        for i in stage.sums:
            name, position = sweep.sums[i]
            total = self._sum(name, stage.size)
            vector.store(b.fadd(vector.load(total, outside=False), vector.value(position)), total, outside=False)
        for position in stage.reduced:
            value = vector.value(self._argument(position))
            is_sum = self._operation(position) == "sum"
            value = vector.units_only(value, 0.0 if is_sum else float("-inf"))
            lanes = at(b, self._space(f"lanes {position}"), b.mul(row, number(self.lanes)), self.kind)
            so_far = load(b, lanes, vector.vector, self.item)
            both = b.fadd(so_far, value) if is_sum else emit(b, "maximum", so_far, value)
            b.store(both, lanes, align=self.item)

    def _ended(self, stage: Stage, row: ir.Value, low: ir.Value, high: ir.Value) -> None:
        """Beyond the end of a sequence: its states stay, and zero is written."""
        b, count = self.b, self.b.sub(high, low)
        for i in stage.states:
            name = self.sweep.states[i].name
            source, into = self._row(self._state(name), row), self._row(self._state(name, after=True), row)
            copy(b, at(b, into, low, self.kind), at(b, source, low, self.kind), count, self.item)
        zero = ir.Constant(self.kind, 0.0)
        with loop(b, low, high, name="unit") as unit:
            for i in stage.writes:
                into = self._row(self._stream("write", self.sweep.writes[i][0]), row)
                b.store(zero, at(b, into, unit, self.kind), align=self.item)
            for position in stage.held:
                into = self._row(self._inside(f"held {position}", stage.size), row)
                b.store(zero, at(b, into, unit, self.kind), align=self.item)

    def _clear_lanes(self, position: int) -> None:
        b = self.b
        start = ir.Constant(self.kind, 0.0 if self._operation(position) == "sum" else float("-inf"))
        lanes = self._space(f"lanes {position}")
        with loop(b, number(0), b.mul(self.rows, number(self.lanes)), name="lane") as lane:
            b.store(start, at(b, lanes, lane, self.kind), align=self.item)

    def _reduce(self, position: int) -> None:
        b, vector = self.b, ir.VectorType(self.kind, self.lanes)
        lanes, numbers = self._space(f"lanes {position}"), self._space(f"number {position}")
        with loop(b, number(0), self.rows, name="row") as row:
            values = load(b, at(b, lanes, b.mul(row, number(self.lanes)), self.kind), vector, self.item)
            b.store(across(b, values, self._operation(position)), at(b, numbers, row, self.kind), align=self.item)

    def _number_writes(self) -> None:
        """Writes that are one number per row."""
        b = self.b
        if not self.schedule.number_writes:
            return
        with loop(b, number(0), self.rows, name="row") as row:
            end = load(b, at(b, self._space("ends"), row, I64), I64, 8)
            with b.if_else(b.icmp_signed("<", self.t, end)) as (alive, ended):
                with alive:
                    places = self._row_places(row)
                    vector = Vector(b, self.sweep, self.kind, self.lanes, number(0), None, None, places, {})
                    for i in self.schedule.number_writes:
                        name, position = self.sweep.writes[i]
                        value = b.extract_element(vector.value(position), ir.Constant(I32, 0))
                        b.store(value, self._row(self._stream("write", name), row), align=self.item)
                with ended:
                    for i in self.schedule.number_writes:
                        into = self._row(self._stream("write", self.sweep.writes[i][0]), row)
                        b.store(ir.Constant(self.kind, 0.0), into, align=self.item)

    # Addresses: (first row, distance of rows)

    def _state(self, name: str, *, after: bool = False) -> tuple[ir.Value, ir.Value]:
        """A state before this step, or after it: two buffers in turn."""
        size = next(s.size for s in self.sweep.states if s.name == name)
        even, stride = self._inside(f"even {name}", size)
        odd, _ = self._inside(f"odd {name}", size)
        first, second = (even, odd) if after else (odd, even)
        return self.b.select(self.is_odd, first, second), stride

    def _stream(self, what: str, name: str) -> tuple[ir.Value, ir.Value]:
        """What is read or written at this step, from the chunk's first row on."""
        b = self.b
        base = at(b, self.pointer(f"{what} {name}"), b.mul(self.t, self.word(f"{what} step {name}")), self.kind)
        row = self.word(f"{what} row {name}")
        if what == "read" and name in self.sweep.shifted:
            is_edge = b.icmp_signed("==", self.t, self.word("edge"))
            base = b.select(is_edge, self.pointer(f"edge {name}"), base)
            row = b.select(is_edge, self.word(f"edge row {name}"), row)
        return self._from_row0((base, row))

    def _outside(self, name: str) -> tuple[ir.Value, ir.Value]:
        kind, state = name.split(" ", 1)
        return self._from_row0((self.pointer(name), self.word(f"{kind} row {state}")))

    def _inside(self, name: str, size: str) -> tuple[ir.Value, ir.Value]:
        return self._space(name), self.word(f"stride {size}")

    def _from_row0(self, place: tuple[ir.Value, ir.Value]) -> tuple[ir.Value, ir.Value]:
        base, row = place
        return at(self.b, base, self.b.mul(self.row0, row), self.kind), row

    def _row(self, place: tuple[ir.Value, ir.Value], row: ir.Value) -> ir.Value:
        base, distance = place
        return at(self.b, base, self.b.mul(row, distance), self.kind)

    def _space(self, name: str) -> ir.Value:
        """A part of this thread's workspace; its word is an offset in bytes."""
        return self.b.inttoptr(self.b.add(self.workspace, self.word(name)), POINTER)

    def _sum(self, name: str, letter: str) -> ir.Value:
        offset = self.b.mul(self.row_chunk, self.word(f"stride {letter}"))
        return at(self.b, self.pointer(f"sum {name}"), offset, self.kind)

    def _copy_rows(
        self, size: str, source: tuple[ir.Value, ir.Value], into: tuple[ir.Value, ir.Value]
    ) -> None:
        with loop(self.b, number(0), self.rows, name="row") as row:
            self._copy_row(size, self._row(source, row), self._row(into, row))

    def _copy_row(self, size: str, source: ir.Value, into: ir.Value) -> None:
        b = self.b
        source, into = at(b, source, self.low, self.kind), at(b, into, self.low, self.kind)
        copy(b, into, source, self._span_of(size), self.item)

    # Sizes

    def _high(self, size: str) -> ir.Value:
        """One past this chunk's last unit."""
        whole = self.size(size)
        return smaller(self.b, whole, self.b.add(self.low, self.word("units"))) if self.schedule.pointwise else whole

    def _span_of(self, size: str, *, padded: bool = False) -> ir.Value:
        """How many units of a vector this chunk has; with the padding of the last vector."""
        count = self.b.sub(self._high(size), self.low)
        if not padded:
            return count
        lanes = number(self.lanes)
        return self.b.mul(self.b.sdiv(self.b.add(count, number(self.lanes - 1)), lanes), lanes)

    def _letter(self, position: int) -> str:
        return self.sweep.nodes[position].shape[0]

    def _argument(self, position: int) -> int:
        node = self.sweep.nodes[position]
        assert isinstance(node, Apply)
        return node.arguments[0]

    def _operation(self, position: int) -> str:
        node = self.sweep.nodes[position]
        assert isinstance(node, Apply)
        return node.operation

    @cached_property
    def _comments(self) -> dict[int, str]:
        """Position → the equation that gives it, for reading the code."""
        names = dict(self.sweep.names)
        texts = written(self.sweep.nodes, names)
        return {p: f"{name} = {texts[p]}" for p, name in names.items()}


def _launch(module: ir.Module, arguments: Arguments) -> None:
    """`launch`: pack, then work alone or through the OpenMP runtime, whose threads torch has at hand."""
    kind = ir.FunctionType(ir.VoidType(), [POINTER])
    function = ir.Function(module, kind, "launch")
    words = function.args[0]
    b = ir.IRBuilder(function.append_basic_block("entry"))
    work = module.globals["work"]

    def word(name: str) -> ir.Value:
        return load(b, at(b, words, number(arguments.index[name]), I64), I64, 8)

    b.call(module.globals["pack"], [words])
    with b.if_else(b.icmp_signed("!=", word("parallel"), number(0))) as (together, alone):
        with together:
            entry = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, I32, I32])
            parallel = b.inttoptr(word("parallel"), entry.as_pointer())
            threads = b.trunc(word("threads"), I32)
            b.call(parallel, [b.bitcast(work, POINTER), words, threads, ir.Constant(I32, 0)])
        with alone:
            b.call(work, [words])
    b.ret_void()

