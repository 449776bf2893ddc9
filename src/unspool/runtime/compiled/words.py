"""A kernel's call laid out once per shape: every word but the addresses, which are filled in at each call."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from unspool.backends.llvm import Layout, SweepKernel
from unspool.backends.llvm.collect import FIELDS, MOST_SUMMED, ROWS_AT_ONCE, collect_address
from unspool.passes.sweep import weight_name
from unspool.runtime.compiled import memory
from unspool.runtime.compiled.threads import openmp_entry, run_on, thread_count

_STREAMED = 24 << 20
"""Bytes written by a forward sweep that the caches do not hold until the adjoint reads them."""


@dataclass(frozen=True)
class Operand:
    """A tensor before it is there: its place among the call's tensors, its shape and strides."""

    place: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Stream:
    """Columns of a tensor [T, B, ·]: the first of them is `start` numbers in, which may also move it in time."""

    operand: Operand
    start: int
    width: int


Job = dict[str, "int | tuple[Operand, int]"]
"""What `collect` is to do: a number for each of `FIELDS`, an address as a tensor and how many numbers into it."""


@dataclass(frozen=True)
class Bound:
    """A call laid out.

    Attributes:
        kernel: the code.
        layout: its memory plan.
        values: the words; zero where an address goes.
        addresses: (word, place of a tensor, bytes into it).
        offsets: (word, bytes into the workspace).
        new: shapes of the tensors that the call makes, whose places follow those of the tensors it is given.
    """

    kernel: SweepKernel
    layout: Layout
    values: list[int]
    addresses: tuple[tuple[int, int, int], ...]
    offsets: tuple[tuple[int, int], ...]
    new: tuple[tuple[int, ...], ...]

    def run(self, tensors: Sequence[Tensor | None]) -> None:
        """Call the code. It owns every byte that it writes: any number of threads may run one `Bound` at once."""
        kernel, threads = self.kernel, self.layout.threads
        workspace = memory.borrow(self.layout.workspace)
        values, start = self.values.copy(), workspace.address
        where = [0 if t is None else t.data_ptr() for t in tensors]
        for word, place, offset in self.addresses:
            values[word] = where[place] + offset
        for word, offset in self.offsets:
            values[word] = start + offset
        entry = values[kernel.index["parallel"]] = openmp_entry("GOMP_parallel") if threads > 1 else 0
        values[kernel.index["team_size"]] = openmp_entry("omp_get_num_threads") if threads > 1 else 0
        words = array("q", values)
        address, _ = words.buffer_info()
        try:
            if threads > 1 and not entry:
                kernel.pack(address)
                run_on(threads, kernel.work, address)
            else:
                kernel.launch(address)
        finally:
            memory.give_back(workspace)


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
        self._new: list[tuple[int, ...]] = []
        self._written: list[tuple[Operand, int]] = []
        self._numbers = {kernel.sweep.writes[i][0] for i in kernel.schedule.number_writes}
        self._item = 4 if kernel.dtype == "float32" else 8
        self._jobs = 0
        self.set("first", first)
        self.set("direction", direction)
        self.set("edge", -1)

    def new(self, shape: tuple[int, ...]) -> Operand:
        """A contiguous tensor that the call makes."""
        strides, count = [], 1
        for size in reversed(shape):
            strides.append(count)
            count *= size
        self._new.append(shape)
        return Operand(self._given + len(self._new) - 1, shape, tuple(reversed(strides)))

    def set(self, name: str, value: int) -> None:
        """A number."""
        self._values[self._index[name]] = value

    def point(self, name: str, operand: Operand, start: int = 0) -> None:
        """A word that is an address: a tensor's, `start` elements in."""
        self._addresses.append((self._index[name], operand.place, start * self._item))

    def stream(self, what: str, name: str, operand: Operand, column: int = 0, shift: int = 0) -> None:
        """What is read or written per step: columns of [T, B, n] from `column` on, `shift` steps later."""
        step, row, _ = operand.strides
        if what == "write" and name not in self._numbers:
            self._written.append((operand, column))
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
        return bool(words[index["unit_chunks"]] == 1 and words[index["rows"]] <= MOST_SUMMED)

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
        self._job(job if edge is None else job | {"edge": (edge, 0), "edge row": edge.strides[0]})

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
        self._job(job)

    def _job(self, job: Job) -> None:
        for name in FIELDS:
            value = job.get(name, 0)
            if isinstance(value, tuple):
                operand, start = value
                self._addresses.append((len(self._values), operand.place, start * self._item))
                value = 0
            self._values.append(value)
        self._jobs += 1

    def sums(self) -> dict[str, tuple[Operand, int]]:
        """Where each sum goes: a tensor [n, chunks, ≥ size] that it shares with others of its size, and its place."""
        shapes: dict[tuple[int, int], list[str]] = {}
        for name, shape in self.layout.sums.items():
            shapes.setdefault(shape, []).append(name)
        found: dict[str, tuple[Operand, int]] = {}
        for (chunks, stride), names in shapes.items():
            operand = self.new((len(names), chunks, stride))
            for i, name in enumerate(names):
                found[name] = operand, i
                self.point(f"sum {name}", operand, i * chunks * stride)
        return found

    def bound(self) -> Bound:
        """The call, laid out."""
        self.set("is_streamed", int(self._is_streamed()))
        if self._jobs:
            rows = int(self.layout.words[self._index["rows"]])
            self.set("jobs", self._jobs)
            self.set("collect", collect_address(self.kernel.dtype, self.kernel.target))
            self.set("collect every", max(1, -(-ROWS_AT_ONCE // rows)))
        offsets = {"workspace": 0, **self.layout.panels}
        return Bound(
            self.kernel,
            self.layout,
            self._values,
            tuple(self._addresses),
            tuple((self._index[name], offset) for name, offset in offsets.items()),
            tuple(self._new),
        )

    def _is_streamed(self) -> bool:
        """Whether the vectors that are written go around the caches: more than they hold, each of them whole.

        Never an adjoint's: the products after it read what it writes at once.
        """
        if self.kernel.is_adjoint:
            return False
        count = sum(math.prod(o.shape) for o in {o.place: o for o, _ in self._written}.values())
        numbers = [n for o, column in self._written for n in (column, *o.strides[:2])]
        return count * self._item >= _STREAMED and not any(n % self.kernel.lanes for n in numbers)


def _over_time(name: str, stream: Stream) -> Job:
    step, row, _ = stream.operand.strides
    return {name: (stream.operand, stream.start), f"{name} step": step, f"{name} row": row}


def operands(tensors: Sequence[Tensor | None], first: int = 0) -> list[Operand | None]:
    """The tensors as operands, in places from `first` on."""
    return [None if t is None else Operand(first + i, tuple(t.shape), t.stride()) for i, t in enumerate(tensors)]


def signature(tensors: Sequence[Tensor | None]) -> tuple[object, ...]:
    """What of the tensors decides how a call is laid out."""
    return tuple([None if t is None else (t.shape, t.stride()) for t in tensors])
