"""What a kernel is called with: one array of 64-bit words, each with a name.

Pointers are addresses; sizes and strides count elements, not bytes. The generated code and the caller look words up by
the same names, so neither depends on their order.
"""

from __future__ import annotations

from functools import cached_property

from unspool.backends.llvm.tiling import columns_of
from unspool.ir import Apply, Node, Read, Weight
from unspool.ir.sizes import plain_letters
from unspool.passes.stages import Schedule
from unspool.passes.sweep import Sweep, weight_name

_COMMON: tuple[str, ...] = (
    "steps",  # T
    "first",  # the first step in running order
    "direction",  # 1 or −1
    "edge",  # the step whose state before it is the initial state, where reads are shifted; −1 for none
    "batch",  # B
    "rows",  # sequences in one chunk
    "row_chunks",
    "units",  # units in one chunk, where a chunk does not have them all
    "unit_chunks",
    "is_streamed",  # 1 where what is written goes around the caches
    "is_team",  # 1 where all threads share every chunk, each with units of its own
    "arrived",  # at the team's barrier
    "passed",  # how often the team has passed it
    "next_chunk",  # counted up by the threads
    "next_worker",
    "workspace",
    "workspace_bytes",  # of one thread
    "lengths",  # [B] int64, or 0
    "ends",  # workspace: the chunk's lengths
    "crossing",  # [T, B] bytes, or 0: where the state is reset
    "scratch",  # workspace: a block of products
    "threads",
    "jobs",  # how many follow the words, each of `collect.FIELDS`
    "collect",  # address of what does them, every so many steps
    "collect every",
    "totals",  # how many follow the jobs, each of `total.FIELDS`
    "total",  # address of what does them, after the last step
    "parallel",  # address of the OpenMP runtime's entry, or 0
    "team_size",  # address of its omp_get_num_threads
)


class Arguments:
    """The words of one kernel."""

    def __init__(self, schedule: Schedule, *, is_adjoint: bool) -> None:
        self.schedule, self.is_adjoint = schedule, is_adjoint

    @property
    def sweep(self) -> Sweep:
        """What the kernel runs."""
        return self.schedule.sweep

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every word's name, in order."""
        sweep, names = self.sweep, [*_COMMON]
        for letter in self.letters:
            names += [f"size {letter}", f"stride {letter}"]
        for state in sweep.states:
            names += [f"{kind} {state.name}" for kind in ("initial", "initial row", "final", "rest", "rest row")]
            names += [f"before {state.name}", f"before step {state.name}", f"before row {state.name}"]
            names += [f"even {state.name}", f"odd {state.name}"]
        for read in sweep.reads:
            names += [f"read {read.name}", f"read step {read.name}", f"read row {read.name}"]
            if read.name in sweep.shifted:
                names += [f"edge {read.name}", f"edge row {read.name}"]
        for name, _ in sweep.writes:
            names += [f"write {name}", f"write step {name}", f"write row {name}"]
            if self.is_adjoint:
                names.append(f"write ring {name}")  # 1 where it is room for the steps between two times of `collect`
        for name, _ in sweep.sums:
            names.append(f"sum {name}")
        for weight in sweep.weights:
            names.append(f"weight {weight_name(weight)}")
            if len(weight.shape) == 2:
                names.append(f"weight row {weight_name(weight)}")
        for panel in self.panels:
            names.append(f"panel {panel[0]}.{panel[1]}.{panel[2]}")
        names += [f"tiles {columns}" for columns in self.columns]
        for position in self.held:
            names.append(f"held {position}")
        for position in self.reduced:
            names += [f"lanes {position}", f"number {position}"]
        return tuple(names)

    @cached_property
    def index(self) -> dict[str, int]:
        """Name → place."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """Size letters of vectors and matrices."""
        found = {letter for node in self.sweep.nodes for size in _shape(node) for letter in plain_letters(size)}
        return tuple(sorted(found | {s.size for s in self.sweep.states}))

    @cached_property
    def panels(self) -> tuple[tuple[int, int, int], ...]:
        """(stage, group, term) of every packed matrix."""
        return tuple(
            (s, g, t)
            for s, stage in enumerate(self.schedule.stages)
            for g, group in enumerate(stage.groups)
            for t, _ in enumerate(group.terms)
        )

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """How many vectors lie side by side in a panel: there is a function for each number."""
        return tuple(sorted({columns_of(stage, g) for stage in self.schedule.stages for g in stage.groups}))

    @cached_property
    def held(self) -> tuple[int, ...]:
        """Positions that one stage keeps for a later one."""
        return tuple(p for stage in self.schedule.stages for p in stage.held)

    @cached_property
    def reduced(self) -> tuple[int, ...]:
        """Positions of the reductions."""
        return tuple(p for stage in self.schedule.stages for p in stage.reduced)


def _shape(node: Node) -> tuple[str, ...]:
    return node.shape if isinstance(node, Read | Weight | Apply) else ()
