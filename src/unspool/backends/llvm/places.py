"""Where things are: states, streams, what is held in the workspace; as (first row, distance of rows)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from unspool.backends.llvm.building import POINTER, Value, at, copy, loop, number, smaller, within
from unspool.backends.llvm.code import Code
from unspool.ir import Apply

Rows = tuple[Value, Value]


class RowsCode(Code):
    """Addresses of a chunk's rows at one step.

    Attributes:
        workspace: address of what the threads of a team share.
        own: address of what a thread has alone.
        row0, rows: the chunk's first row and their number.
        row_chunk: which chunk of rows it is.
        low: the chunk's first unit.
        t: the step.
        slot: its place in a ring.
        is_odd: whether the number of steps done is odd.
    """

    workspace: Value
    own: Value
    row0: Value
    rows: Value
    row_chunk: Value
    low: Value
    t: Value
    slot: Value
    is_odd: Value

    def _state(self, name: str, *, after: bool = False) -> Rows:
        """A state before this step, or after it: two buffers in turn."""
        size = next(s.size for s in self.sweep.states if s.name == name)
        even, stride = self._inside(f"even {name}", size)
        odd, _ = self._inside(f"odd {name}", size)
        first, second = (even, odd) if after else (odd, even)
        return self.b.select(self.is_odd, first, second), stride

    def _stream(self, what: str, name: str) -> Rows:
        """What is read or written at this step, from the chunk's first row on."""
        b = self.b
        step = self.t
        if what == "write" and self.arguments.is_adjoint:
            step = b.select(b.icmp_signed("!=", self.word(f"write ring {name}"), number(0)), self.slot, step)
        base = at(b, self.pointer(f"{what} {name}"), b.mul(step, self.word(f"{what} step {name}")), self.kind)
        row = self.word(f"{what} row {name}")
        if what == "read" and name in self.sweep.shifted:
            is_edge = b.icmp_signed("==", self.t, self.word("edge"))
            base = b.select(is_edge, self.pointer(f"edge {name}"), base)
            row = b.select(is_edge, self.word(f"edge row {name}"), row)
        return self._from_row0((base, row))

    def _outside(self, name: str) -> Rows:
        kind, state = name.split(" ", 1)
        return self._from_row0((self.pointer(name), self.word(f"{kind} row {state}")))

    def _inside(self, name: str, size: str) -> Rows:
        return self._space(name), self.word(f"stride {size}")

    def _from_row0(self, place: Rows) -> Rows:
        base, row = place
        return at(self.b, base, self.b.mul(self.row0, row), self.kind), row

    def _row(self, place: Rows, row: Value) -> Value:
        base, distance = place
        return at(self.b, base, self.b.mul(row, distance), self.kind)

    def _space(self, name: str) -> Value:
        """A part of this thread's workspace; its word is an offset in bytes."""
        return self.b.inttoptr(self.b.add(self.workspace, self.word(name)), POINTER)

    def _sum(self, name: str, letter: str) -> Value:
        offset = self.b.mul(self.row_chunk, self.word(f"stride {letter}"))
        return at(self.b, self.pointer(f"sum {name}"), offset, self.kind)

    def _place(self, name: str) -> Rows:
        """Of "state S" before this step and "next S" after it, of "held P", "read N" and "write N"."""
        kind, rest = name.split(" ", 1)
        match kind:
            case "state" | "next":
                return self._state(rest, after=kind == "next")
            case "held":
                return self._inside(name, self._letter(int(rest)))
            case _:
                return self._stream(kind, rest)

    def _ahead(self, name: str) -> Rows:
        """Of "read N" or "write N" at the next step; not where a ring begins again."""
        (what, stream), (base, row) = name.split(" ", 1), self._place(name)
        ahead = self.b.mul(self.word(f"{what} step {stream}"), self.word("direction"))
        return at(self.b, base, ahead, self.kind), row

    def _copy_rows(self, size: str, source: Rows, into: Rows) -> None:
        with loop(self.b, number(0), self.rows, name="row") as row:
            self._copy_row(size, self._row(source, row), self._row(into, row))

    def _copy_row(self, size: str, source: Value, into: Value) -> None:
        b = self.b
        source, into = at(b, source, self.low, self.kind), at(b, into, self.low, self.kind)
        copy(b, into, source, self._span_of(size), self.item)

    def _high(self, size: str) -> Value:
        """One past this chunk's last unit."""
        whole = self.size(size)
        return smaller(self.b, whole, self.b.add(self.low, self.word("units"))) if self.schedule.pointwise else whole

    def _span_of(self, size: str, *, padded: bool = False) -> Value:
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


@final
class RowPlaces:
    """Addresses that a row's units share: written before them, and before the rows what all rows share.

    Made where the builder stands in the loop over rows.

    Args:
        code: what writes them.
        before: the block before the loop.
        row: the row.
    """

    def __init__(self, code: RowsCode, before: Value, row: Value) -> None:
        self._code, self._before, self._here, self._number = code, before, code.b.block, row
        self._made: dict[str, Value] = {}

    def address(self, name: str) -> Value:
        """Of the row's first unit; see `RowsCode._place`."""
        return self.of_row(name, lambda: self._code._place(name))

    def ahead(self, name: str) -> Value:
        """Of the row's first unit at the next step; see `RowsCode._ahead`."""
        return self.of_row(f"ahead of {name}", lambda: self._code._ahead(name))

    def of_row(self, name: str, place: Callable[[], Rows]) -> Value:
        """The same of a place that is made when it is asked for first."""

        def here() -> Value:
            base, distance = self.of_all(f"place of {name}", place)
            return self._code._row((base, distance), self._number)

        return self._once(name, self._here, here)

    def of_all(self, name: str, make: Callable[[], Any]) -> Any:
        """What is the same for all rows."""
        return self._once(name, self._before, make)

    def _once(self, name: str, block: Value, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            with within(self._code.b, block):
                self._made[name] = make()
        return self._made[name]
