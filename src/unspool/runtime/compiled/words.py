"""Lays a kernel's call out, once per shape: its words, and what stands for the tensors until they are there."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

from torch import Tensor

from unspool.backends.llvm import SweepKernel, collect, total
from unspool.backends.llvm.shared import shared_address
from unspool.passes.sweep import weight_name
from unspool.runtime.compiled.bound import Bound
from unspool.runtime.compiled.threads import openmp_entry, thread_count

_LINE = 128
"""Bytes at multiples of which parts of the workspace begin."""

_STREAMED = 24 << 20
"""Bytes written by a forward sweep that the caches do not hold until the adjoint reads them."""


_INSIDE = -1
"""The place of what is no tensor but a part of the workspace."""


@dataclass(frozen=True)
class Operand:
    """A tensor before it is there: its place among the call's tensors, its shape and strides.

    Attributes:
        first: bytes before it at that place.
    """

    place: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    first: int = 0


@dataclass(frozen=True)
class Stream:
    """Columns of a tensor [T, B, ·]: the first of them is `start` numbers in, which may also move it in time."""

    operand: Operand
    start: int
    width: int


Job = dict[str, "int | tuple[Operand, int]"]
"""What is to be done: a number for each of a table's fields, an address as a tensor and how many numbers into it."""


class Words:
    """Lays a call of a sweep out.

    Args:
        kernel: the code.
        sizes: size letter → number.
        steps, batch: T and B.
        first, direction: the running order.
        given: how many tensors the call is given.
    """

    def __init__(
        self, kernel: SweepKernel, sizes: dict[str, int], steps: int, batch: int, first: int, direction: int, given: int
    ) -> None:
        self.kernel, self._index, self._given = kernel, kernel.index, given
        letters = tuple((letter, sizes[letter]) for letter in kernel.arguments.letters)
        self.layout = kernel.layout(letters, steps, batch, thread_count(), bool(openmp_entry("GOMP_parallel")))
        self._values = self.layout.words.tolist()
        self._addresses: list[tuple[int, int, int]] = []
        self._offsets = [(self._index[name], offset) for name, offset in {"workspace": 0, **self.layout.panels}.items()]
        self._new: list[tuple[tuple[int, ...], bool] | None] = []
        self._inside = -(-self.layout.workspace // _LINE) * _LINE
        self._cleared: list[tuple[int, int]] = []
        self._written: list[tuple[str, Operand, int]] = []
        self._numbers = {kernel.sweep.writes[i][0] for i in kernel.schedule.number_writes}
        self._item = 4 if kernel.dtype == "float32" else 8
        self._jobs: list[Job] = []
        self._totals: list[Job] = []
        self.set("first", first)
        self.set("direction", direction)
        self.set("edge", -1)

    def new(self, shape: tuple[int, ...], *, zero: bool = False) -> Operand:
        """A contiguous tensor that the call makes, which may start at zero."""
        self._new.append((shape, zero))
        return Operand(self._given + len(self._new) - 1, shape, _contiguous(shape))

    def inside(self, shape: tuple[int, ...], *, zero: bool = False) -> Operand:
        """The same as a part of the workspace, which is gone when the call ends."""
        first, count = self._inside, math.prod(shape) * self._item
        self._inside += -(-count // _LINE) * _LINE
        if zero:
            self._cleared.append((first, first + count))
        return Operand(_INSIDE, shape, _contiguous(shape), first)

    def set(self, name: str, value: int) -> None:
        """A number."""
        self._values[self._index[name]] = value

    def point(self, name: str, operand: Operand, start: int = 0) -> None:
        """A word that is an address: a tensor's, `start` elements in."""
        self._point(self._index[name], operand, start)

    def _point(self, word: int, operand: Operand, start: int) -> None:
        offset = operand.first + start * self._item
        if operand.place == _INSIDE:
            self._offsets.append((word, offset))
        else:
            self._addresses.append((word, operand.place, offset))

    def stream(self, what: str, name: str, operand: Operand, column: int = 0, shift: int = 0) -> None:
        """What is read or written per step: columns of [T, B, n] from `column` on, `shift` steps later."""
        step, row, _ = operand.strides
        if what == "write":
            self._written.append((name, operand, column))
        self.point(f"{what} {name}", operand, column + shift * step)
        self.set(f"{what} step {name}", step)
        self.set(f"{what} row {name}", row)

    def row(self, what: str, name: str, operand: Operand) -> None:
        """One vector per sequence, [B, size]."""
        self.point(f"{what} {name}", operand)
        self.set(f"{what} row {name}", operand.strides[0])

    def weights(self, constants: dict[str, Operand], parameters: dict[str, tuple[Operand, tuple[str, ...]]]) -> None:
        """Every weight of the sweep, by name; what is stored also by its gate."""
        for weight in self.kernel.sweep.weights:
            operand, gates = parameters.get(weight.name) or (constants[weight.name], ())
            name, place = weight_name(weight), 0
            if weight.gate is not None:
                rows = operand.shape[0] // len(gates)
                place = gates.index(weight.gate) * rows * operand.strides[0]
            self.point(f"weight {name}", operand, place)
            if len(weight.shape) == 2:
                self.set(f"weight row {name}", operand.strides[0])

    @property
    def chunks(self) -> int:
        """How many parts of the batch have sums of their own."""
        return int(self.layout.words[self._index["row_chunks"]])

    @property
    def can_collect(self) -> bool:
        """Whether every row is one thread's, or a team's, with all of its units: so products can run in the sweep."""
        words, index = self.layout.words, self._index
        return bool(words[index["unit_chunks"]] == 1 and words[index["rows"]] <= collect.MOST_SUMMED)

    def outer(
        self, into: Operand, start: int, row: int, left: Stream, right: Stream, edge: Operand | None, *, add: bool
    ) -> None:
        """While the sweep runs, Σ over steps and sequences of left ⊗ right is summed up for every chunk of the batch.

        Args:
            into: [chunks, ·].
            start: where in a chunk's the sum is.
            row: distance of its rows.
            left: [T, B, m].
            right: [T, B, n].
            edge: [B, n], what stands for `right` at the sweep's last step, if anything does.
            add: whether to add to what is there before.
        """
        job: Job = {
            **_over_time("left", left),
            **_over_time("right", right),
            "into": (into, start),
            "into step": into.strides[0],
            "into row": row,
            "m": left.width,
            "n": right.width,
            "add": int(add),
        }
        self._jobs.append(job if edge is None else job | {"edge": (edge, 0), "edge row": edge.strides[0]})

    def inner(self, into: Operand, left: Stream, matrix: Operand, *, add: bool) -> None:
        """While the sweep runs, into [T, B, n] (+)= left [T, B, m] times the matrix [m, n]."""
        job: Job = {
            "is_inner": 1,
            **_over_time("left", left),
            "right": (matrix, 0),
            "right row": matrix.strides[0],
            "into": (into, 0),
            "into step": into.strides[0],
            "into row": into.strides[1],
            "m": left.width,
            "n": matrix.shape[1],
            "add": int(add),
        }
        self._jobs.append(job)

    def total(
        self,
        gradient: Operand,
        sums: Operand,
        shape: tuple[int, int],
        *,
        into: tuple[int, int] = (0, 1),
        at: tuple[int, int] = (0, 0),
        parts: int = 1,
        terms: int = 1,
    ) -> None:
        """After the last step gradient [rows, columns] = Σ over parts and terms of sums [parts, rows · columns].

        Args:
            gradient: what is had.
            sums: of what it is the sum.
            shape: rows and columns.
            into: distances of the gradient's rows and columns.
            at: how far the gradient and the sums are into them.
            parts: how many there are; of none the sum is 0.
            terms: numbers that follow each other and are summed up as well.
        """
        rows, columns = shape
        last = at[0] + (rows - 1) * into[0] + (columns - 1) * into[1]
        assert last < math.prod(gradient.shape), "the code would write beyond the gradient"
        self._totals.append(
            {
                "into": (gradient, at[0]),
                "into row": into[0],
                "into column": into[1],
                "rows": rows,
                "columns": columns,
                "from": (sums, at[1]),
                "from row": columns,
                "parts": parts,
                "part step": sums.strides[-2],
                "terms": terms,
            }
        )

    def sums(self) -> dict[str, tuple[Operand, int]]:
        """Where each sum goes: a tensor [n, chunks, ≥ size] that it shares with others of its size, and its place."""
        shapes: dict[tuple[int, int], list[str]] = {}
        for name, shape in self.layout.sums.items():
            shapes.setdefault(shape, []).append(name)
        found: dict[str, tuple[Operand, int]] = {}
        for (chunks, stride), names in shapes.items():
            operand = self.inside((len(names), chunks, stride))
            for i, name in enumerate(names):
                found[name] = operand, i
                self.point(f"sum {name}", operand, i * chunks * stride)
        return found

    def bound(self, read: Container[int] = ()) -> Bound:
        """The call, laid out.

        Args:
            read: places of the tensors that are read after it. Of what it makes and nobody reads then, but products in
                the sweep, there is only a ring.
        """
        rings = self._rings(read)
        self.set("is_streamed", int(self._is_streamed()))
        for name, operand, _ in self._written:
            if operand.place in rings:
                self.set(f"write ring {name}", 1)
        for job in self._jobs:
            job |= {f"{factor} ring": int(_place(job[factor]) in rings) for factor in ("left", "right")}
        self._table("jobs", self._jobs, "collect", collect.FIELDS)
        self._table("totals", self._totals, "total", total.FIELDS)
        offsets = [(word, rings[place].first + offset) for word, place, offset in self._addresses if place in rings]
        return Bound(
            self.kernel,
            self.layout.threads,
            self._inside,
            self._values,
            tuple(a for a in self._addresses if a[1] not in rings),
            (*self._offsets, *offsets),
            tuple(self._cleared),
            tuple(None if self._given + i in rings else new for i, new in enumerate(self._new)),
        )

    def _table(self, count: str, jobs: Sequence[Job], function: str, fields: Sequence[str]) -> None:
        """What a function that the kernels share is to do, behind the words."""
        if not jobs:
            return
        self.set(count, len(jobs))
        self.set(function, shared_address(function, self.kernel.dtype, self.kernel.target))
        for job in jobs:
            for name in fields:
                value = job.get(name, 0)
                if isinstance(value, tuple):
                    self._point(len(self._values), *value)
                    value = 0
                self._values.append(value)

    def _rings(self, read: Container[int]) -> dict[int, Operand]:
        """Place → part of the workspace in its stead."""
        if not self._jobs:
            return {}
        rings: dict[int, Operand] = {}
        steps = int(self.layout.words[self._index["collect every"]])
        for _, operand, _ in self._written:
            if operand.place not in rings and operand.place not in read:
                rings[operand.place] = self.inside((min(steps, operand.shape[0]), *operand.shape[1:]))
        return rings

    def _is_streamed(self) -> bool:
        """Whether the vectors that are written go around the caches: more than they hold, each of them whole.

        Never an adjoint's: the products after it read what it writes at once. Nor where a vector is less than a line.
        """
        if self.kernel.is_adjoint or not self.kernel.target.has_line_vectors:
            return False
        written = [(o, column) for name, o, column in self._written if name not in self._numbers]
        count = sum(math.prod(o.shape) for o in {o.place: o for o, _ in written}.values())
        numbers = [n for o, column in written for n in (column, *o.strides[:2])]
        return count * self._item >= _STREAMED and not any(n % self.kernel.lanes for n in numbers)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, count = [], 1
    for size in reversed(shape):
        strides.append(count)
        count *= size
    return tuple(reversed(strides))


def _place(value: int | tuple[Operand, int]) -> int | None:
    return value[0].place if isinstance(value, tuple) else None


def _over_time(name: str, stream: Stream) -> Job:
    step, row, _ = stream.operand.strides
    return {name: (stream.operand, stream.start), f"{name} step": step, f"{name} row": row}


def operands(tensors: Sequence[Tensor | None], first: int = 0) -> list[Operand | None]:
    """The tensors as operands, in places from `first` on."""
    return [None if t is None else Operand(first + i, tuple(t.shape), t.stride()) for i, t in enumerate(tensors)]


def even(tensor: Tensor) -> Tensor:
    """`tensor` with unit stride along its last axis, as kernels read it."""
    is_even = tensor.is_contiguous() or tensor.stride(-1) == 1 or tensor.shape[-1] == 1
    return tensor if is_even else tensor.contiguous()


def signature(tensors: Sequence[Tensor | None]) -> tuple[object, ...]:
    """What of the tensors decides how a call is laid out."""
    return tuple([None if t is None else t.shape if t.is_contiguous() else (t.shape, t.stride()) for t in tensors])
