"""Where vectors are cut, and which pieces have one size.

A module computes all gates as one long vector and cuts it afterwards; a graph has one vector per gate. Cuts are
carried along the dataflow until every use of a vector reads whole pieces, and pieces that meet share a size letter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from unspool.errors import CellError
from unspool.nn.tracing.tape import Elements, Matrix, Product, Reduction, Tape, Unitwise, Variable

Axis = Any
"""The number of a vector on the tape; (node, index, dimension) of a matrix; or "output"."""

MOST_PIECES = 64
"""More pieces of one vector than a step may have: then its units are shuffled rather than cut."""


@dataclass(frozen=True)
class Run:
    """`length` elements from position `at`: those of vector `owner` from `start` on, or its one element repeated."""

    at: int
    length: int
    owner: int
    start: int
    repeats: bool


class Layout:
    """Cuts and size letters of everything that the results need.

    Attributes:
        live: the vectors that are needed, in order.
        repeated: those of one element that meets every unit of another vector.
    """

    def __init__(self, tape: Tape, output: Elements, following: Sequence[Elements]) -> None:
        self._tape = tape
        self.repeated: set[int] = set()
        self._runs: dict[bytes, list[Run]] = {}
        self._cuts: dict[Axis, set[int]] = {}
        self._links: list[tuple[Axis, int, Axis, int, int]] = []
        self._parents: dict[tuple[Axis, int], tuple[Axis, int]] = {}
        variables = {o.name: i for i, o in enumerate(tape.origins) if isinstance(o, Variable)}
        self.live = self._needed([output, *following], list(variables.values()))
        for owner in self.live:
            self._cut(owner, 0, self.size(owner))
            self._constrain(owner)
        self._read("output", output)
        for elements, (_, owner) in zip(following, list(variables.items())[1:], strict=True):
            self._read(owner, elements)
        self._spread()
        for axis_a, a, axis_b, b, length in self._links:
            for start in (c - a for c in self._cuts[axis_a] if a <= c < a + length):
                self._parents[self._root(axis_a, a + start)] = self._root(axis_b, b + start)
        self._letters = self._first_letters(list(variables.values()))
        used = set(self._letters.values())
        self._spare = (letter for letter in _spare_letters() if letter not in used)

    def size(self, owner: int) -> int:
        """Elements of a vector."""
        return self._tape.starts[owner + 1] - self._tape.starts[owner]

    def pieces(self, axis: Axis) -> list[tuple[int, int]]:
        """[start, end) of every piece of an axis."""
        cuts = sorted(self._cuts[axis])
        return list(pairwise(cuts))

    def letter(self, axis: Axis, start: int) -> str:
        """Size letter of the piece that begins at `start`."""
        root = self._root(axis, start)
        if root not in self._letters:
            self._letters[root] = self.new_letter()
        return self._letters[root]

    def new_letter(self) -> str:
        """A letter that is not in use."""
        return next(self._spare)

    def runs(self, elements: Elements) -> list[Run]:
        """`elements` as runs through vectors."""
        key = elements.tobytes()
        if key not in self._runs:
            self._runs[key] = list(self._each_run(elements))
        return self._runs[key]

    def _each_run(self, elements: Elements) -> Iterator[Run]:
        owners = self._tape.owners(elements)
        steps = np.where(np.diff(owners) == 0, np.diff(elements), -1)
        steps = np.where((steps == 0) | (steps == 1), steps, -1)
        changes = np.flatnonzero(np.diff(steps)) + 1
        at = 0
        while at < len(elements):
            owner = int(owners[at])
            step = int(steps[at]) if at < len(steps) else -1
            if step < 0:
                length = 1
            else:
                later = changes[np.searchsorted(changes, at, side="right") :]
                length = int(later[0] if len(later) else len(steps)) - at + 1
            yield Run(at, length, owner, int(elements[at]) - self._tape.starts[owner], step == 0)
            at += length

    def _needed(self, results: list[Elements], variables: list[int]) -> list[int]:
        seen: set[int] = set()
        todo = {*variables, *(int(o) for r in results for o in np.unique(self._tape.owners(r)))}
        while todo:
            owner = todo.pop()
            seen.add(owner)
            for elements in read_by(self._tape.origins[owner]):
                todo.update(int(o) for o in np.unique(self._tape.owners(elements)) if o not in seen)
        return sorted(seen)

    def _constrain(self, owner: int) -> None:
        match self._tape.origins[owner]:
            case Unitwise(_, arguments):
                for elements in arguments:
                    if isinstance(elements, np.ndarray):
                        self._read(owner, elements)
            case Product(matrix, operand):
                rows, columns = axes_of(matrix)
                self._link(owner, 0, rows, 0, self.size(owner))
                self._read(columns, operand)
            case Reduction(_, elements):
                self._cuts[owner] = set(range(self.size(owner) + 1))
                for row in elements:
                    self._read(None, row)

    def _read(self, reader: Axis, elements: Elements) -> None:
        runs = self.runs(elements)
        if len(runs) > MOST_PIECES:
            raise CellError(
                f"the units of a vector are taken in {len(runs)} pieces",
                hint=f"a step cuts a vector into gates, at most {MOST_PIECES}; it does not shuffle units",
            )
        for run in runs:
            if run.repeats:
                self.repeated.add(run.owner)
                self._cut(run.owner, run.start, run.start + 1)
                self._cut(reader, run.at, run.at + run.length)
            elif reader is None:
                self._cut(run.owner, run.start, run.start + run.length)
            else:
                self._link(reader, run.at, run.owner, run.start, run.length)

    def _cut(self, axis: Axis, *positions: int) -> None:
        if axis is not None:
            self._cuts.setdefault(axis, set()).update(positions)

    def _link(self, axis_a: Axis, a: int, axis_b: Axis, b: int, length: int) -> None:
        self._cut(axis_a, a, a + length)
        self._cut(axis_b, b, b + length)
        self._links.append((axis_a, a, axis_b, b, length))

    def _spread(self) -> None:
        """Carry cuts along links until nothing changes."""
        changed = True
        while changed:
            changed = False
            for axis_a, a, axis_b, b, length in self._links:
                mine = {c - a for c in self._cuts[axis_a] if a <= c <= a + length}
                theirs = {c - b for c in self._cuts[axis_b] if b <= c <= b + length}
                if mine != theirs:
                    changed = True
                    self._cuts[axis_a].update(c + a for c in theirs)
                    self._cuts[axis_b].update(c + b for c in mine)

    def _root(self, axis: Axis, start: int) -> tuple[Axis, int]:
        root = (axis, start)
        while (parent := self._parents.get(root, root)) != root:
            root = parent
        return root

    def _first_letters(self, variables: list[int]) -> dict[tuple[Axis, int], str]:
        """I for the input (J for a second piece), H, P, Q, S for the states; what they share has the first one's."""
        letters: dict[tuple[Axis, int], str] = {}
        inputs, units = iter("IJ"), iter("HPQS")
        for number, owner in enumerate(variables):
            for start, _ in self.pieces(owner):
                root = self._root(owner, start)
                if root not in letters and (letter := next(units if number else inputs, None)):
                    letters[root] = letter
        return letters


def read_by(origin: Any) -> list[Elements]:
    """The elements that a vector is computed from."""
    match origin:
        case Unitwise(_, arguments):
            return [a for a in arguments if isinstance(a, np.ndarray)]
        case Product(_, operand):
            return [operand]
        case Reduction(_, elements):
            return [elements]
        case _:
            return []


def axes_of(matrix: Matrix) -> tuple[Axis, Axis]:
    """The axes of a matrix's rows and columns, as `node` computes it."""
    return (matrix.node, matrix.index, int(matrix.transposed)), (matrix.node, matrix.index, int(not matrix.transposed))


def _spare_letters() -> Iterator[str]:
    yield from "MKNJDEFGUVZAPQS"
    yield from (f"M{k}" for k in range(1, 10_000))
