"""`work`: what every thread runs: chunk after chunk, the whole time loop on each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import final

from llvmlite import ir

from unspool.backends.llvm.building import (
    BIT,
    I8,
    I32,
    I64,
    Value,
    at,
    load,
    loop,
    number,
    smaller,
    store_fence,
)
from unspool.backends.llvm.collect import COLLECT
from unspool.backends.llvm.stage import StageCode


@final
class Work(StageCode):
    """`work`: chunk after chunk, the whole time loop on each."""

    name = "work"

    def write(self) -> None:
        """Write the function."""
        b = self.b
        body, take, run, done = (b.append_basic_block(n) for n in ("body", "take", "run", "done"))
        b.position_at_end(body)
        worker = self._count("next_worker")
        is_team = b.icmp_signed("!=", self.word("is_team"), number(0))
        self.own = b.add(self.word("workspace"), b.mul(worker, self.word("workspace_bytes")))
        self.workspace = b.select(is_team, self.word("workspace"), self.own)
        self.member = b.select(is_team, worker, number(0))
        self.team = self._team_size(is_team)
        here = b.block
        b.branch(take)
        b.position_at_end(take)
        # A team goes through the chunks together; otherwise each chunk is one thread's.
        turn = b.phi(I64, "turn")
        turn.add_incoming(number(0), here)
        counted = self._variable()
        with b.if_else(is_team) as (together, apart):
            with together:
                b.store(turn, counted)
            with apart:
                b.store(self._count("next_chunk"), counted)
        chunk = b.load(counted, typ=I64)
        chunks = b.mul(self.word("row_chunks"), self.word("unit_chunks"))
        b.cbranch(b.icmp_signed("<", chunk, chunks), run, done)
        b.position_at_end(run)
        self._run_chunk(chunk)
        turn.add_incoming(b.add(turn, number(1)), b.block)
        b.branch(take)
        b.position_at_end(done)
        b.ret_void()
        with b.goto_block(self._entry):
            b.branch(body)

    def _count(self, name: str) -> Value:
        return self.b.atomic_rmw("add", self._address(name), number(1), "monotonic")

    def _variable(self) -> Value:
        """A number that branches set; at the entry, so that it is one register and not a place on the stack."""
        with self.b.goto_block(self._entry):
            return self.b.alloca(I64)

    def _team_size(self, is_team: Value) -> Value:
        """How many threads the OpenMP runtime really gave."""
        b = self.b
        size = self._variable()
        b.store(number(1), size)
        with b.if_then(is_team):
            ask = b.inttoptr(self.word("team_size"), ir.FunctionType(I32, []).as_pointer())
            b.store(b.sext(b.call(ask, []), I64), size)
        return b.load(size, typ=I64)

    def _run_chunk(self, chunk: Value) -> None:
        b = self.b
        self.row_chunk = b.sdiv(chunk, self.word("unit_chunks"))
        self.row0 = b.mul(self.row_chunk, self.word("rows"))
        self.rows = smaller(b, self.word("rows"), b.sub(self.word("batch"), self.row0))
        if self.schedule.pointwise:
            self.low = b.mul(b.srem(chunk, self.word("unit_chunks")), self.word("units"))
        else:
            self.low = number(0)
        with self._first_member():
            self._begin()
        self.wait()
        with loop(b, number(0), self.word("steps"), name="step") as step:
            self.t = b.add(self.word("first"), b.mul(step, self.word("direction")))
            if self.arguments.is_adjoint:
                self.slot = b.srem(step, self.word("collect every"))
            self.is_odd = b.trunc(step, BIT)
            if not self.arguments.is_adjoint:
                self._resets(self._begin_anew)
                with self._first_member():
                    self._keep_states_before()
            for index, stage in enumerate(self.schedule.stages):
                self.write_stage(index, stage)
                self.wait()
            with self._first_member():
                self._number_writes()
            if self.arguments.is_adjoint:
                self._resets(self._end_gradient)
                self._collect(step)
        with self._first_member():
            self._end()
        if self.streams:
            with b.if_then(b.icmp_signed("!=", self.word("is_streamed"), number(0))):
                store_fence(b)
        self.wait()

    def _first_member(self) -> AbstractContextManager[Value]:
        """What one thread of a team does for all."""
        return self.b.if_then(self._is_first())

    def _is_first(self) -> Value:
        return self.b.icmp_signed("==", self.member, number(0))

    def _collect(self, step: Value) -> None:
        """Products with what was written since the last time: every so many steps, and apart from others the last one.

        The state before it is the initial state, which lies elsewhere.
        """
        b, steps, every = self.b, self.word("steps"), self.word("collect every")
        with b.if_then(b.icmp_signed(">", self.word("jobs"), number(0))):
            is_last = b.icmp_signed("==", step, b.sub(steps, number(1)))
            is_near = b.icmp_signed(">=", step, b.sub(steps, number(2)))
            is_full = b.icmp_signed("==", self.slot, b.sub(every, number(1)))
            with b.if_then(b.or_(is_near, is_full)):
                begin = b.select(is_last, step, b.sub(step, self.slot))
                direction = self.word("direction")
                time = b.add(self.word("first"), b.mul(begin, direction))
                slot = b.select(is_last, self.slot, number(0))
                jobs = at(b, self.function.args[0], number(len(self.arguments.names)), I64)
                collect = b.inttoptr(self.word("collect"), COLLECT.as_pointer())
                span = (self.row0, self.rows, time, direction, slot, b.add(b.sub(step, begin), number(1)))
                is_first = b.icmp_signed("==", begin, number(0))
                ends = (b.zext(is_first, I64), b.zext(is_last, I64))
                b.call(collect, [jobs, self.word("jobs"), *span, *ends, self.member, self.team, self.row_chunk])
                self.wait()  # rings are written again

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
            even = self._inside(f"even {state.name}", state.size)
            self._copy_rows(state.size, self._outside(f"initial {state.name}"), even)
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

    def _resets(self, act: Callable[[Value], None]) -> None:
        """`act` on every row whose state is reset at this step."""
        b = self.b
        with b.if_then(b.icmp_signed("!=", self.word("crossing"), number(0))):
            flags = at(b, self.pointer("crossing"), b.add(b.mul(self.t, self.word("batch")), self.row0), I8)
            with loop(b, number(0), self.rows, name="row") as row:
                flag = load(b, at(b, flags, row, I8), I8, 1)
                with b.if_then(b.and_(b.icmp_signed("!=", flag, ir.Constant(I8, 0)), self._is_first())):
                    act(row)
            self.wait()

    def _begin_anew(self, row: Value) -> None:
        for state in self.sweep.states:
            rest = self._row(self._outside(f"rest {state.name}"), row)
            self._copy_row(state.size, rest, self._row(self._state(state.name), row))

    def _end_gradient(self, row: Value) -> None:
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
