"""Facts: what a cell costs, found out from its step graph.

    LSTM     1 product per step, by 4 matrices    1 stage    4·H·I + 4·H·H + 8·H parameters   no scan
    LEM      2 products per step, by 4 matrices   2 stages   4·H·I + 4·H·H + 4·H              no scan
    minGRU   none                                 1 stage    2·H·I + 2·H                      h is a scan

A product is one matrix–vector product of the loop over time as a kernel does it (see stages): matrices with the same
operands are stacked and count once, as do those whose results are only added. What the input alone decides is done
before the loop, for all steps at once, and is not counted. A cell without a product works unit by unit: its units never
meet in a step.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from unspool.ir import Parameter, StepGraph, Variable, in_numbers
from unspool.passes.fold import fold
from unspool.passes.plan import make_plan
from unspool.passes.scan import scans
from unspool.passes.settle import as_run
from unspool.passes.stages import schedule

UNITS = 128
"""H and I of `StepFacts.count` where nothing else is said: a layer that reads one like itself."""


@dataclass(frozen=True)
class StepFacts:
    """What a step costs.

    Attributes:
        states: what is carried from step to step.
        numbers: inputs that are one number per step and must be given.
        products: matrix–vector products in the loop over time, those of a stack counted once.
        matrices: the matrices in them, each gate's counted.
        stages: parts of a step that wait for each other; 1 where no unit needs another one.
        scans: the states whose steps need not run one after another.
        learned, fixed: parameters of either kind.
        graph: the page's step.
    """

    states: tuple[Variable, ...]
    numbers: tuple[str, ...]
    products: int
    matrices: int
    stages: int
    scans: tuple[str, ...]
    learned: tuple[Parameter, ...]
    fixed: tuple[Parameter, ...]
    graph: StepGraph

    @property
    def is_scan(self) -> bool:
        """Whether all of its states are scans."""
        return len(self.scans) == len(self.states)

    @property
    def is_diagonal(self) -> bool:
        """Whether no unit sees another one within a step."""
        return not self.products

    @property
    def formula(self) -> str:
        """The number of learned parameters in size letters: `3·H·I + 3·H·H + 6·H`; `0` for none."""
        return _formula(self.learned)

    def count(self, inputs: int = UNITS, units: int = UNITS, *, fixed: bool = False) -> int:
        """Numbers in the learned parameters, or in the fixed ones, at I and H; other sizes are `further_sizes`."""
        sizes = {"I": inputs, "H": units, **further_sizes(self.graph, units)}
        return count_parameters(self.fixed if fixed else self.learned, sizes)


def facts_of(graph: StepGraph) -> StepFacts:
    """The facts of a page's step, its inputs that have a default left out. Cost: that of a plan, once per cell."""
    plan = make_plan(as_run(graph))
    stages = schedule(fold(plan).forward).stages
    groups = [(stage.number, group) for stage in stages for group in stage.groups]
    return StepFacts(
        states=graph.states,
        numbers=tuple(v.name for v in graph.number_inputs if v.default is None),
        # A tall stack is cut into several groups, for registers; it is one product all the same.
        products=len({(number, *(terms[0].operand for terms in group.terms)) for number, group in groups}),
        matrices=sum(len(terms) for _, group in groups for terms in group.terms),
        stages=len({stage.number for stage in stages}),
        scans=tuple(state for scan in scans(plan.graph) for state in scan.states),
        learned=tuple(p for p in graph.parameters if not p.fixed),
        fixed=tuple(p for p in graph.parameters if p.fixed),
        graph=graph,
    )


def further_sizes(graph: StepGraph, units: int) -> dict[str, int]:
    """Usual sizes for the letters besides I and H: 4 blocks (or 2, or 1) where units are cut, else half the units."""
    blocks = {divisor for _, divisor in graph.divisions}
    number = next(n for n in (4, 2, 1) if units % n == 0)
    return {s: number if s in blocks else max(1, units // 2) for s in sorted(graph.sizes - {"I", "H"})}


def count_parameters(parameters: tuple[Parameter, ...], sizes: Mapping[str, int]) -> int:
    """Numbers in `parameters`, given every letter's number."""
    return sum(max(1, len(p.gates)) * math.prod(in_numbers(p.shape, sizes)) for p in parameters)


def _formula(parameters: tuple[Parameter, ...]) -> str:
    """Products of letters first, as the page has them, and then what grows with one letter or none."""
    counts: Counter[tuple[str, ...]] = Counter()
    for p in parameters:
        counts[p.shape] += max(1, len(p.gates))
    shapes = sorted(counts, key=len, reverse=True)
    return " + ".join("·".join([str(counts[s])] * (counts[s] > 1 or not s) + list(s)) for s in shapes) or "0"
