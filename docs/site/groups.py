"""The groups in which cells are listed, read off their graphs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from unspool.ir import Apply, Read, StepGraph
from unspool.lang import Cell
from unspool.passes import as_run, scans


@dataclass(frozen=True)
class Group:
    """Cells of a kind.

    Attributes:
        title, text: what they have in common.
        holds: whether a step is of the kind.
        cells: its members.
    """

    title: str
    text: str
    holds: Callable[[StepGraph], bool]
    cells: tuple[Cell, ...] = ()

    def having(self, cells: tuple[Cell, ...]) -> "Group":
        """The group with its members."""
        return replace(self, cells=cells)


def group_of(graph: StepGraph) -> Group:
    """The first group of GROUPS that a step belongs to."""
    return next(group for group in GROUPS if group.holds(graph))


def _is_scan(graph: StepGraph) -> bool:
    ran = as_run(graph)
    return sum(len(scan.states) for scan in scans(ran)) == len(ran.states)


def _takes_time(graph: StepGraph) -> bool:
    return any(v.name == "dt" for v in graph.number_inputs)


def _is_gated(graph: StepGraph) -> bool:
    """Whether a sigmoid of something that changes from step to step is multiplied with a value."""
    moving, gates = set[int](), set[int]()
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Read):
            moving.add(position)
        elif isinstance(node, Apply) and moving & set(node.arguments):
            moving.add(position)
            if node.operation == "sigmoid":
                gates.add(position)
    return bool(gates)


GROUPS = (
    Group(
        "Scans",
        "The next state is linear in the state, unit by unit, with coefficients that see the input only. All steps are "
        "computed at once.",
        _is_scan,
    ),
    Group(
        "Differential equations",
        "A step of a differential equation. They take the time step `dt` per observation, for uneven series.",
        _takes_time,
    ),
    Group(
        "Gated, one state",
        "Gates decide, unit by unit, how much of the state is kept.",
        lambda graph: _is_gated(graph) and len(graph.states) == 1,
    ),
    Group("Gated, several states", "Gates, and a memory besides the output.", _is_gated),
    Group("Without gates", "The state goes through one map at every step.", lambda graph: True),
)
