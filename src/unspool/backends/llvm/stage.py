"""One stage of a step as code: its products into accumulators, then its equations unit by unit."""

from __future__ import annotations

from functools import cached_property

from llvmlite import ir

from unspool.backends.llvm.building import (
    I32,
    I64,
    POINTER,
    Value,
    at,
    barrier,
    copy,
    load,
    loop,
    number,
    prefetch,
    smaller,
)
from unspool.backends.llvm.mathematics import emit
from unspool.backends.llvm.places import RowPlaces, Rows, RowsCode
from unspool.backends.llvm.pointwise import Places, Vector, across, lanes_below
from unspool.backends.llvm.products import accumulate
from unspool.ir import Read
from unspool.ir.print import written
from unspool.passes.stages import Stage


class StageCode(RowsCode):
    """Writes the stages of a step.

    Attributes:
        member, team: this thread's place among those that share a chunk, and how many they are.
    """

    member: Value
    team: Value

    def write_stage(self, index: int, stage: Stage) -> None:
        """Write a stage; a team's members each take units of their own."""
        b = self.b
        for position in stage.reduced:
            self._clear_lanes(position)
        if stage.groups:
            block = self.tiling(stage, stage.groups[0]).block
            low, high = self._share(number(0), self.size(stage.size), block)
            with loop(b, low, high, number(block), "block") as forwards:
                first = self._back_and_forth(forwards, low, high, block)
                accumulators = self._products(index, stage, first)
                last = smaller(b, high, b.add(first, number(block)))
                self._rows(stage, accumulators, first, last, first)
        else:
            low, high = self._share(self.low, self._high(stage.size), 2 * self.lanes)
            self._rows(stage, {}, low, high, None)
        for position in stage.reduced:
            self._reduce(position)

    def _back_and_forth(self, first: Value, low: Value, high: Value, block: int) -> Value:
        """The block that is done when `first` would be in order: at odd steps the last one comes first.

        Panels that the first-level cache does not hold are met there while they are still in it.
        """
        b = self.b
        last = b.mul(b.sdiv(b.sub(b.sub(high, low), number(1)), number(block)), number(block))
        return b.select(self.is_odd, b.sub(b.add(b.add(low, low), last), first), first)

    def wait(self) -> None:
        """Until every member of the team is here; nothing for a thread that works alone."""
        b = self.b
        with b.if_then(b.icmp_signed(">", self.team, number(1))):
            b.call(barrier(b.module), [self._address("arrived"), self._address("passed"), self.team])

    def _share(self, low: Value, high: Value, block: int) -> Rows:
        """The part of this member in the units from `low` to `high`, in whole blocks."""
        b = self.b
        blocks = b.sdiv(b.add(b.sub(high, low), number(block - 1)), number(block))
        each = b.sdiv(b.add(blocks, b.sub(self.team, number(1))), self.team)
        start = b.add(low, b.mul(b.mul(self.member, each), number(block)))
        return start, smaller(b, high, b.add(start, b.mul(each, number(block))))

    def _products(self, index: int, stage: Stage, first: Value) -> dict[int, tuple[Value, int]]:
        """Position of each product → (address of its first accumulator, distance of rows)."""
        b, found = self.b, {}
        scratch = b.inttoptr(b.add(self.own, self.word("scratch")), POINTER)
        for g, group in enumerate(stage.groups):
            tiling = self.tiling(stage, group)
            for t, parts in enumerate(group.terms):
                depth = self.panel_depth(stage, group, t)
                start, length = self.span(stage, group, t, first)
                before = b.mul(b.sdiv(first, number(tiling.block)), b.mul(depth, number(tiling.width)))
                panel = at(b, self.pointer(f"panel {index}.{g}.{t}"), before, self.kind)
                operand, row = self._operand(parts[0].operand)
                operand = at(b, operand, start, self.kind)
                tiles = self.word(f"tiles {tiling.columns}")
                accumulate(b, tiling, tiles, scratch, panel, operand, row, length, self.rows, more=t > 0)
            for r, position in enumerate(group.results):
                found[position] = (at(b, scratch, number(r * tiling.block), self.kind), tiling.width)
            scratch = at(b, scratch, b.mul(self.rows, number(tiling.width)), self.kind)
        return found

    def _operand(self, position: int) -> Rows:
        node = self.sweep.nodes[position]
        if isinstance(node, Read):
            if node.name in {s.name for s in self.sweep.states}:
                return self._state(node.name)
            return self._stream("read", node.name)
        return self._inside(f"held {position}", self._letter(position))

    def _rows(
        self,
        stage: Stage,
        accumulators: dict[int, Rows],
        low: Value,
        high: Value,
        first: Value | None,
    ) -> None:
        """The pointwise equations of a stage, for the units from `low` to `high` of every row.

        `first` is the first unit of the block that the accumulators hold.
        """
        b = self.b
        whole = b.add(low, b.mul(b.sdiv(b.sub(high, low), number(self.lanes)), number(self.lanes)))
        before = b.block
        with loop(b, number(0), self.rows, name="row") as row:
            rows = RowPlaces(self, before, row)
            end = load(b, at(b, self._space("ends"), row, I64), I64, 8)
            with b.if_else(b.icmp_signed("<", self.t, end), likely=True) as (alive, ended):
                with alive:
                    places = self._places(stage, rows, row, accumulators)
                    with loop(b, low, whole, number(self.lanes), "unit") as unit:
                        self._vector(stage, places, rows, unit, first, None)
                    with b.if_then(b.icmp_signed("<", whole, high)):
                        mask = lanes_below(b, b.sub(high, whole), self.lanes)
                        self._vector(stage, places, rows, whole, first, mask)
                with ended:
                    self._ended(stage, rows, low, high)

    def _places(self, stage: Stage, rows: RowPlaces, row: Value, accumulators: dict[int, tuple[Value, int]]) -> Places:
        """Where this row's values are."""
        places = self._row_places(rows, row)
        for position in self.arguments.held:
            if self.schedule.stage_of[position] < stage.number:
                places.known[position] = rows.address(f"held {position}")
        for position, (address, distance) in accumulators.items():
            places.block[position] = at(self.b, address, self.b.mul(row, number(distance)), self.kind)
        return places

    def _row_places(self, rows: RowPlaces, row: Value) -> Places:
        def address(name: str) -> Value:
            return self.pointer(name) if name.startswith("weight ") else rows.address(name)

        numbers = {p: at(self.b, self._space(f"number {p}"), row, self.kind) for p in self.arguments.reduced}
        return Places(address, rows.ahead, self.size, numbers, self.b.block)

    def _vector(
        self, stage: Stage, places: Places, rows: RowPlaces, unit: Value, first: Value | None, mask: Value | None
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
            vector.store(vector.value(position), rows.address(f"held {position}"), outside=False)
        for i in stage.states:
            into = rows.address(f"next {sweep.states[i].name}")
            vector.store(vector.value(sweep.next_states[i]), into, outside=False)
        self._write(stage, vector, rows)
        for i in stage.sums:
            name, position = sweep.sums[i]
            total = rows.of_all(f"sum {name}", lambda name=name: self._sum(name, stage.size))
            vector.store(b.fadd(vector.load(total, outside=False), vector.value(position)), total, outside=False)
        for position in stage.reduced:
            value = vector.value(self._argument(position))
            is_sum = self._operation(position) == "sum"
            value = vector.units_only(value, 0.0 if is_sum else float("-inf"))
            space = f"lanes {position}"
            lanes = rows.of_row(space, lambda space=space: (self._space(space), number(self.lanes)))
            so_far = load(b, lanes, vector.vector, self.item)
            both = b.fadd(so_far, value) if is_sum else emit(b, "maximum", so_far, value)
            b.store(both, lanes, align=self.item)

    def _write(self, stage: Stage, vector: Vector, rows: RowPlaces) -> None:
        """Store what the sweep writes: around the caches where it is more than they hold, else into them."""
        b, found = self.b, []
        for i in stage.writes:
            name, position = self.sweep.writes[i]
            found.append((name, vector.value(position), rows.address(f"write {name}")))

        def usual() -> None:
            for name, value, into in found:
                # The next step's line comes while this one is computed: a store elsewhere stops all behind it.
                prefetch(b, at(b, rows.ahead(f"write {name}"), vector.unit, self.kind), write=True)
                vector.store(value, into, outside=True)

        if not found or vector.mask is not None or not self.streams:
            usual()
            return
        with b.if_else(b.icmp_signed("!=", self.word("is_streamed"), number(0))) as (around, into_caches):
            with around:
                for _, value, into in found:
                    vector.stream(value, into)
            with into_caches:
                usual()

    def _ended(self, stage: Stage, rows: RowPlaces, low: Value, high: Value) -> None:
        """Beyond the end of a sequence: its states stay, and zero is written."""
        b, count = self.b, self.b.sub(high, low)
        for i in stage.states:
            name = self.sweep.states[i].name
            source, into = rows.address(f"state {name}"), rows.address(f"next {name}")
            copy(b, at(b, into, low, self.kind), at(b, source, low, self.kind), count, self.item)
        zero = ir.Constant(self.kind, 0.0)
        cleared = [f"write {self.sweep.writes[i][0]}" for i in stage.writes] + [f"held {p}" for p in stage.held]
        with loop(b, low, high, name="unit") as unit:
            for name in cleared:
                b.store(zero, at(b, rows.address(name), unit, self.kind), align=self.item)

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
        before = b.block
        with loop(b, number(0), self.rows, name="row") as row:
            rows = RowPlaces(self, before, row)
            end = load(b, at(b, self._space("ends"), row, I64), I64, 8)
            with b.if_else(b.icmp_signed("<", self.t, end)) as (alive, ended):
                with alive:
                    places = self._row_places(rows, row)
                    vector = Vector(b, self.sweep, self.kind, self.lanes, number(0), None, None, places, {})
                    for i in self.schedule.number_writes:
                        name, position = self.sweep.writes[i]
                        value = b.extract_element(vector.value(position), ir.Constant(I32, 0))
                        b.store(value, rows.address(f"write {name}"), align=self.item)
                with ended:
                    for i in self.schedule.number_writes:
                        into = rows.address(f"write {self.sweep.writes[i][0]}")
                        b.store(ir.Constant(self.kind, 0.0), into, align=self.item)

    @cached_property
    def _comments(self) -> dict[int, str]:
        """Position → the equation that gives it, for reading the code."""
        names = dict(self.sweep.names)
        texts = written(self.sweep.nodes, names)
        return {p: f"{name} = {texts[p]}" for p, name in names.items()}
