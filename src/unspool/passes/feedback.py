"""Feedback: the readout of a step becomes a part of it, and its output the next step's input (Jordan 1986).

    before   h' = f(W @ x + R @ h)
    after    fed = (1 − alpha) ∘ y + alpha ∘ teacher
             h'  = f(W @ x + W_fed @ fed + R @ h)
             z   = V @ h' + c
             y'  = ψ(z)                              a state more, and the output

alpha = 0 runs freely, 1 is teacher forcing (Williams & Zipser 1989), drawn 0 or 1 for every step scheduled sampling
(Bengio et al. 2015, arXiv:1506.03099), between them generalised teacher forcing (Doya 1992). ψ is one of `ACTIVATIONS`.
"sample" draws one class by Gumbel's trick: y' is 1 where z ∘ sharpness + noise is largest, and 0 elsewhere; with noise
−ln(−ln u), u uniform, and sharpness 1/temperature it is a draw from softmax(z / temperature). A `Draw` instead of ψ
reads several numbers of each output, and noise: z_g = V_g @ h' + c_g for each of its names g, y' = draw(z, noise).

Without inputs of its own (`features=False`) the step reads `fed` wherever the page reads x. With them every product
with x is cut in two; a page that uses x in another way cannot be fed both.

A fed-back cell is a cell: the loop over time, the readout in it, and its adjoint are compiled as any other's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from unspool.errors import CellError
from unspool.ir import Apply, GraphBuilder, Parameter, Read, StepGraph, Variable, Weight
from unspool.ir.sizes import is_block_diagonal

Activation = Literal["identity", "sigmoid", "tanh", "softmax", "sample"]

Y, TEACHER, ALPHA, NOISE, SHARPNESS, V, BIAS = "y", "teacher", "alpha", "noise", "sharpness", "V", "c"
"""Names of the state, inputs and parameters that the page does not have."""


@dataclass(frozen=True)
class Draw:
    """An output that is drawn from a distribution, as a part of the step.

    Attributes:
        raw: names of the numbers that the readout tells of each output, in the order of its rows.
        noise: names of the noises that a step reads, of each one number for every output.
        build: builder, raw numbers and noises by name → y'.
    """

    raw: tuple[str, ...]
    noise: tuple[str, ...]
    build: Callable[[GraphBuilder, Mapping[str, int], Mapping[str, int]], int]


def fed_name(matrix: str) -> str:
    """What the part of a matrix that is multiplied with the fed output is called."""
    return f"{matrix}_fed"


@cache
def fed_back(
    graph: StepGraph, *, features: bool, activation: Activation | Draw, taught: bool = True, before: bool = False
) -> StepGraph:
    """The step with its readout and its feedback; its last state is y.

    Args:
        graph: the step, its names those of `chained`.
        features: whether it also reads an input x of its own.
        activation: ψ, or what is drawn.
        taught: whether there is a teacher; without one fed is y.
        before: whether the output is z, before ψ; by default y', which it always is where it is drawn.

    Raises:
        CellError: the page has a name of those above, or features are wanted and x has another use than in products.
    """
    (x,) = graph.vector_inputs
    size = "O" if features else x.size
    _check_names(graph, features, activation.noise if isinstance(activation, Draw) else ())
    builder, y, teacher, alpha = GraphBuilder(), Variable(Y, size), Variable(TEACHER, size), Variable(ALPHA, "")
    fed = builder.read(y)
    if taught:
        share = builder.read(alpha)
        free = builder.apply("multiply", builder.apply("subtract", builder.constant(1.0), share), fed)
        fed = builder.apply("add", free, builder.apply("multiply", share, builder.read(teacher)))
    matrices = _matrices(graph, x) if features else frozenset[str]()
    moved: list[int] = []
    for node in graph.nodes:
        match node:
            case Apply("product", (matrix, operand), _) if features and graph.nodes[operand] == Read(x.name, x.shape):
                weight = graph.nodes[matrix]
                assert isinstance(weight, Weight)
                part = builder.add(Weight(fed_name(weight.name), weight.gate, (weight.shape[0], size)))
                own = builder.apply("product", moved[matrix], moved[operand])
                moved.append(builder.apply("add", own, builder.apply("product", part, fed)))
            case Apply(operation, arguments, _):
                moved.append(builder.apply(operation, *(moved[a] for a in arguments)))
            case Read(name, _) if name == x.name and not features:
                moved.append(fed)
            case _:
                moved.append(builder.add(node))
    gates = activation.raw if isinstance(activation, Draw) else ()
    noises = tuple(Variable(name, size) for name in activation.noise) if isinstance(activation, Draw) else ()
    readout, bias = Parameter(V, (size, graph.output_size), gates), Parameter(BIAS, (size,), gates)
    told: dict[str, int] = {}
    for gate in gates or (None,):
        product = builder.apply("product", builder.weight(readout, gate), moved[graph.output])
        told[gate or "z"] = builder.apply("add", product, builder.weight(bias, gate))
    if isinstance(activation, Draw):
        z = after = activation.build(builder, told, {v.name: builder.read(v) for v in noises})
    else:
        z, after = told["z"], ACTIVATIONS[activation](builder, told["z"], size)
    inputs = [v for v in graph.inputs if features or v.name != x.name] + ([teacher, alpha] if taught else [])
    inputs += noises
    if activation == "sample":
        inputs += [Variable(NOISE, size), Variable(SHARPNESS, "")]
    parameters: list[Parameter] = []
    for p in graph.parameters:
        parameters.append(p)
        if p.name in matrices:
            parameters.append(Parameter(fed_name(p.name), (p.shape[0], size), p.gates))
    return builder.finish(
        graph.name,
        tuple(inputs),
        (*graph.states, y),
        (*parameters, readout, bias),
        (*(moved[p] for p in graph.next_states), after),
        z if before else after,
        {**{moved[p]: n for p, n in graph.names}, **{p: name for name, p in told.items()}}
        | ({fed: "fed"} if taught else {}),
    )


def _softmax(b: GraphBuilder, z: int, _: str) -> int:
    e = b.apply("exp", b.apply("subtract", z, b.apply("largest", z)))
    return b.apply("divide", e, b.apply("sum", e))


def _sample(b: GraphBuilder, z: int, size: str) -> int:
    sharp = b.apply("multiply", z, b.read(Variable(SHARPNESS, "")))
    score = b.apply("add", sharp, b.read(Variable(NOISE, size)))
    return b.apply("add", b.apply("sign", b.apply("subtract", score, b.apply("largest", score))), b.constant(1.0))


ACTIVATIONS: dict[Activation, Callable[[GraphBuilder, int, str], int]] = {
    "identity": lambda b, z, _: z,
    "sigmoid": lambda b, z, _: b.apply("sigmoid", z),
    "tanh": lambda b, z, _: b.apply("tanh", z),
    "softmax": _softmax,
    "sample": _sample,
}


def _matrices(graph: StepGraph, x: Variable) -> frozenset[str]:
    """Names of the matrices that x is multiplied with, its only use."""
    found: set[str] = set()
    for position, node in enumerate(graph.nodes):
        if not isinstance(node, Apply) or all(graph.nodes[a] != Read(x.name, x.shape) for a in node.arguments):
            continue
        matrix = graph.nodes[node.arguments[0]]
        if node.operation != "product" or not isinstance(matrix, Weight) or is_block_diagonal(matrix.shape):
            raise CellError(
                f"{graph.name}: its page uses x in another way than W @ x, so it cannot read features and what is "
                f"fed back side by side (node {position}, {node.operation})",
                hint="feed its output back without features, or take a cell that only multiplies x with matrices",
            )
        found.add(matrix.name)
    return frozenset(found)


def _check_names(graph: StepGraph, features: bool, noise: tuple[str, ...]) -> None:
    taken = {d.name for d in (*graph.inputs, *graph.states, *graph.parameters)}
    if clash := taken & {Y, TEACHER, ALPHA, NOISE, SHARPNESS, V, BIAS, *noise}:
        raise CellError(f"{graph.name}: the page has its own '{min(clash)}'; a fed-back cell adds one of this name")
    if features and "O" in graph.sizes:
        raise CellError(f"{graph.name}: the page has a size O of its own; a fed-back cell adds one of this name")
