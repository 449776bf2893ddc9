"""A second, slow reading of a step graph in NumPy float64: one sequence, one step, one node at a time.

It shares nothing with the compiler but the graph, so that the two can be compared.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from unspool.ir import Apply, Constant, Read, StepGraph, Weight

Array = Any
"""A float64 array, or a number of NumPy's."""


def _product(matrix: Array, vector: Array) -> Array:
    """A matrix narrower than the vector is block-diagonal: row j meets the entries of its own block only."""
    height, width = matrix.shape
    if width == len(vector):
        return matrix @ vector
    return np.array([matrix[j] @ vector[j // width * width :][:width] for j in range(height)])


def _exponential(matrix: Array) -> Array:
    """Taylor's series of a part of the matrix that is less than half, squared as often as it was halved."""
    halved = max(0, int(np.ceil(np.log2(np.abs(matrix).sum(1).max() + 1e-9))) + 1)
    part = matrix / 2**halved
    term = total = np.eye(len(matrix))
    for k in range(1, 20):
        term = term @ part / k
        total = total + term
    return np.linalg.matrix_power(total, 2**halved)


NUMPY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negate": np.negative,
    "product": _product,
    "power": np.power,
    "sigmoid": lambda a: np.exp(-np.logaddexp(0.0, -a)),
    "tanh": np.tanh,
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "softplus": lambda a: np.logaddexp(0.0, a),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "sign": np.sign,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "sum": np.sum,
    "size": lambda a: np.float64(np.size(a)),
    "largest": np.max,
}

MATRICES = {"transpose": np.transpose, "identity": lambda a: np.eye(len(a)), "expm": _exponential}
"""What only a page's own graph has; kernels are given the matrices that come out."""


def evaluate(graph: StepGraph, reads: dict[str, Array], parameters: dict[str, Array]) -> list[Array]:
    """The value of every node, given the inputs, the states and the stored parameters."""
    values: list[Array] = []
    for node in graph.nodes:
        match node:
            case Read(name, _):
                values.append(reads[name])
            case Weight(name, gate, _):
                values.append(_rows(graph, parameters, name, gate))
            case Constant(value, _):
                values.append(np.float64(value))
            case Apply(operation, arguments, _):
                values.append((NUMPY | MATRICES)[operation](*[values[a] for a in arguments]))
    return values


def step(
    graph: StepGraph, inputs: dict[str, Array], states: list[Array], parameters: dict[str, Array]
) -> tuple[Array, list[Array]]:
    """Output and next states of one step, without a batch axis."""
    reads = {**inputs, **{s.name: v for s, v in zip(graph.states, states, strict=True)}}
    values = evaluate(graph, reads, parameters)
    return values[graph.output], [values[p] for p in graph.next_states]


def run(
    graph: StepGraph,
    inputs: dict[str, Array],
    parameters: dict[str, Array],
    initial: list[Array],
    *,
    lengths: list[int] | None = None,
    reset: Array | None = None,
    rest: list[Array] | None = None,
    reverse: bool = False,
) -> tuple[Array, list[Array]]:
    """Output [T, B, ·] and final states [B, ·]: each sequence is cut to its length and into pieces, each run alone."""
    steps, batch = next(iter(inputs.values())).shape[:2]
    outputs: list[Array] = []
    finals: list[list[Array]] = []
    for b in range(batch):
        length = steps if lengths is None else lengths[b]
        begins = [0, *(t for t in range(1, length) if reset is not None and reset[t, b]), length]
        pieces = [range(i, j) for i, j in pairwise(begins)]
        if reverse:
            pieces = [piece[::-1] for piece in pieces[::-1]]
        state = [s[b] for s in initial]
        if reset is not None and reset[0, b] and not reverse:
            state = _at(rest, b)
        output: dict[int, Array] = {}
        for number, piece in enumerate(pieces):
            if number:
                state = _at(rest, b)
            for t in piece:
                output[t], state = step(graph, at_step(graph, inputs, t, b), state, parameters)
        filled = np.zeros_like(np.broadcast_to(output[0], (steps, *output[0].shape)))
        for t, value in output.items():
            filled[t] = value
        outputs.append(filled)
        finals.append(state)
    return np.stack(outputs, 1), [np.stack(parts) for parts in zip(*finals, strict=True)]


def at_step(graph: StepGraph, inputs: dict[str, Array], t: int, b: int) -> dict[str, Array]:
    """What one sequence reads at one step; an input [T, B, 1] that the page declares a number is a number."""
    return {v.name: inputs[v.name][t, b] if v.size else inputs[v.name][t, b, 0] for v in graph.inputs}


def _at(rest: list[Array] | None, b: int) -> list[Array]:
    assert rest is not None
    return [np.broadcast_to(s, (max(len(s), b + 1), s.shape[-1]))[b] for s in rest]


def _rows(graph: StepGraph, parameters: dict[str, Array], name: str, gate: str | None) -> Array:
    stored = parameters[name]
    if gate is None:
        return stored
    gates = next(p.gates for p in graph.parameters if p.name == name)
    rows = len(stored) // len(gates)
    return stored[gates.index(gate) * rows :][:rows]
