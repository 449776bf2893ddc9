"""One row's work: a cell at a size, its tensors, and the operations that its matrix products take."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unspool import Recurrent, find_cell
from unspool.ir import Apply, StepGraph, in_numbers
from unspool.lang import Cell
from unspool.passes import StackedProduct, make_plan
from unspool.runtime import kernel_for

DTYPES = {"float32": torch.float32, "float64": torch.float64}
MODES = ("forward", "training")


@dataclass(frozen=True)
class Size:
    """B sequences of T steps of I features into H units."""

    batch: int
    steps: int
    inputs: int
    units: int

    def __str__(self) -> str:
        return f"{self.batch}x{self.steps}x{self.inputs}x{self.units}"

    @classmethod
    def parse(cls, text: str) -> "Size":
        """`32x96x8x64`: B, T, I, H."""
        return cls(*(int(part) for part in text.lower().split("x")))


SIZES = tuple(
    Size(*numbers)
    for numbers in (
        (32, 96, 8, 64),
        (32, 96, 32, 128),
        (128, 96, 1, 128),
        (64, 128, 128, 256),
        (128, 64, 256, 512),
        (1, 512, 16, 128),
        (8, 2000, 3, 32),
    )
)
STEADY = {"lstm_layernorm": {"aR": 0.1}}
"""First values in place of a page's that make the step expand: with gains of 1 every float32 loop, eager or ours, errs
by 6e-4 after 96 steps of 128 units, for rounding grows from step to step."""

KINK = 3e-6
"""How far from a kink, in units of what is usual there, a float32 loop may be led to its other side by rounding."""

_DRAWS = 4
"""Inputs that are drawn until a sequence stays away from kinks."""

SIZES_64 = (SIZES[0], SIZES[3], SIZES[6])


@dataclass(frozen=True)
class Case:
    """A layer with its input and the gradient that its output receives, all time-major.

    Attributes:
        cell: its name.
        layer: ours; its parameters are everybody's.
        parameters: stored parameters by the page's names.
        x: [T, B, I].
        gradient: [T, B, output size]; the loss is the sum of output ∘ gradient.
    """

    cell: str
    size: Size
    dtype: torch.dtype
    layer: Recurrent
    parameters: dict[str, Tensor]
    x: Tensor
    gradient: Tensor

    @property
    def graph(self) -> StepGraph:
        """The step."""
        return self.layer.graph

    def initial(self, dtype: torch.dtype | None = None) -> list[Tensor]:
        """Zeros, [B, size] per state."""
        return [torch.zeros(self.size.batch, n, dtype=dtype or self.dtype) for n in self.layer.state_sizes]

    def leaf(self) -> Tensor:
        """The input as a leaf that receives a gradient."""
        return self.x.clone().requires_grad_()


def make_case(cell: str, size: Size, dtype: torch.dtype) -> Case:
    """The same tensors every time, the first ones of the page.

    Every parameter of the step that runs is a leaf, for everybody: matrices that the page makes of others as well as
    those that it fixes. So what is compared is the loop, not how fast torch makes expm(A − Aᵀ).
    """
    torch.manual_seed(0)
    sizes = _further_sizes(cell, size)
    started = Recurrent(cell, size.inputs, size.units, dtype=dtype, sizes=sizes, start=STEADY.get(cell))
    parameters = tuple(replace(p, fixed=False) for p in started.graph.parameters)
    step = Cell.from_graph(replace(started.graph, parameters=parameters))
    letters = {letter: sizes[letter] for letter in step.graph.sizes if letter in sizes}
    layer = Recurrent(step, size.inputs, size.units, dtype=dtype, sizes=letters)
    for name, value in started.layer_parameters(0).items():
        layer.stored_parameters(0)[name].data.copy_(value.detach())
    case = Case(
        cell=cell,
        size=size,
        dtype=dtype,
        layer=layer,
        parameters={p.name: getattr(layer, p.name + "_l0") for p in layer.graph.parameters},
        x=torch.randn(size.steps, size.batch, size.inputs, dtype=dtype),
        gradient=torch.randn(size.steps, size.batch, layer.output_size, dtype=dtype),
    )
    for _ in range(_DRAWS):
        near = _near_a_kink(case)
        if not near.all():
            case.gradient[:, near] = 0
            return case
        case.x.normal_()
    return case  # everything counts: what is led to zero, as by a membrane that leaks, is near it in every sequence


@torch.no_grad()
def _near_a_kink(case: Case) -> Tensor:
    """[B] bool: the sequences in which a relu is given what may round to the other side of its kink, zero aside.

    There the gradient of one float32 loop is not that of another, and both are right. Such sequences are run like the
    others, by everybody, but their outputs get no gradient.
    """
    graph, near = case.graph, torch.zeros(case.size.batch, dtype=torch.bool)
    if case.dtype == torch.float64:
        return near
    inputs = {graph.vector_inputs[0].name: case.x.double()}
    parameters = {name: p.detach().double() for name, p in case.parameters.items()}
    for node in graph.nodes:
        if isinstance(node, Apply) and node.operation == "relu":
            bent = replace(graph, output=node.arguments[0])
            given, _ = kernel_for(bent, "reference")(inputs, parameters, case.initial(torch.float64))
            away = given.abs()
            near |= ((away > 0) & (away < KINK * given.square().mean().sqrt())).any(0).any(-1)
    return near


def gigaflop(case: Case, mode: str) -> float:
    """10⁹ operations of the products with x and with the states; three times that with their gradients.

    2·m·n for a product with an m × n matrix, once per step and sequence; block-diagonal ones count their blocks.
    """
    plan = make_plan(case.graph)
    letters = {"I": case.size.inputs, "H": case.size.units, **_further_sizes(case.cell, case.size)}
    total = 0
    for part in (plan.prologue, plan.loop, plan.epilogue):
        for instruction in part:
            if isinstance(instruction, StackedProduct):
                fixed = part is plan.prologue and instruction.operand not in plan.timed
                times = 1 if fixed else case.size.steps * case.size.batch
                numbers = sum(math.prod(in_numbers(plan.graph.nodes[m].shape, letters)) for m in instruction.matrices)
                total += 2 * numbers * times
    return total * (3 if mode == "training" else 1) / 1e9


def stages(graph: StepGraph) -> int:
    """Depth of products that wait for each other within one step; 0 for a cell without a recurrent product."""
    graph = make_plan(graph).graph
    states = {s.name for s in graph.states}
    depth: list[int | None] = []  # None: does not depend on a state
    for node in graph.nodes:
        if isinstance(node, Apply):
            known = [d for a in node.arguments if (d := depth[a]) is not None]
            depth.append(max(known) + (node.operation == "product") if known else None)
        else:
            depth.append(0 if getattr(node, "name", None) in states else None)
    return max((d for p in graph.next_states if (d := depth[p]) is not None), default=0)


def _further_sizes(cell: str, size: Size) -> dict[str, int]:
    """Sizes that a page names besides I and H: 4 blocks where H is cut into blocks, else half the units."""
    graph = find_cell(cell).graph
    blocks = {divisor for _, divisor in graph.divisions}
    number = 4 if size.units % 4 == 0 else 1
    return {s: number if s in blocks else max(1, size.units // 2) for s in sorted(graph.sizes - {"I", "H"})}
