"""What a cell costs, read off its plan."""

from dataclasses import dataclass
from math import prod

from unspool.ir.sizes import in_numbers
from unspool.lang import Cell
from unspool.passes import as_run, make_plan, scans
from unspool.passes.print_names import reading
from unspool.passes.save import saved_values
from unspool.passes.stages import schedule

UNITS = 128
"""I and H in the numbers below."""

OTHERS, BLOCKS = 64, 4
"""Any other size letter; the number of blocks of a block-diagonal matrix."""


@dataclass(frozen=True)
class Facts:
    """Of a cell with I = H = 128.

    Attributes:
        inputs, states: names with their size letters.
        parameters: how many numbers are learned.
        fixed: how many are drawn and never learned.
        products: products of the loop per step, stacked ones counted once.
        stacked: how many matrices they are.
        stages: stages per step.
        scans: states that run as scans.
        saved: bytes that training saves per step and sequence, float32.
        others: what other size letters are in these numbers.
    """

    inputs: str
    states: str
    parameters: int
    fixed: int
    products: int
    stacked: int
    stages: int
    scans: tuple[str, ...]
    saved: int
    others: str


def facts_of(cell: Cell) -> Facts:
    """The facts of `cell`."""
    graph = cell.graph
    blocks = {letter for _, letter in graph.divisions}
    letters = {size: BLOCKS if size in blocks else OTHERS for size in graph.sizes - {"I", "H"}}
    sizes = letters | {"I": UNITS, "H": UNITS}
    counts = {True: 0, False: 0}
    for p in graph.parameters:
        counts[p.fixed] += prod(in_numbers(p.shape, sizes)) * max(1, len(p.gates))
    told = reading(make_plan(as_run(graph)))
    planned = schedule(told.folded.forward)
    groups = [group for stage in planned.stages for group in stage.groups]
    saved = saved_values(told.training)
    return Facts(
        inputs=", ".join(f"{v.name} [{v.size}]" if v.size else f"{v.name}, a number per step" for v in graph.inputs),
        states=", ".join(f"{v.name} [{v.size}]" for v in graph.states),
        parameters=counts[False],
        fixed=counts[True],
        products=len(groups),
        stacked=sum(len(group.results) for group in groups),
        stages=len({stage.number for stage in planned.stages}),
        scans=tuple(state for scan in scans(told.folded.plan.graph) for state in scan.states),
        saved=sum(
            4 * len(names) * (prod(in_numbers((letter,), sizes)) if letter else 1) for letter, names in saved.items()
        ),
        others=", ".join(f"{letter} = {size}" for letter, size in sorted(letters.items())),
    )
