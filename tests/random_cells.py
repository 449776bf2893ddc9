"""Random cells, written in the language, and random numbers to run them on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from hypothesis import strategies as st

from unspool.ir import StepGraph
from unspool.lang import (
    Blocks,
    Gates,
    Input,
    Map,
    Matrix,
    PerStep,
    Scalar,
    Sized,
    State,
    Symbol,
    Vector,
    cell,
    cos,
    exp,
    largest,
    layer_norm,
    log,
    maximum,
    mean,
    minimum,
    relu,
    sigmoid,
    sign,
    sin,
    softmax,
    softplus,
    sqrt,
    tanh,
    total,
)

Narrow = Annotated[Symbol, Sized("P")]
Heads = Annotated[Symbol, Blocks("N")]
SIZES = {"I": 4, "H": 6, "P": 5, "N": 2}

# Each keeps its domain and its growth in hand, so that rounding cannot be mistaken for an error.
UNARY: list[Callable[[Symbol], Symbol]] = [
    sigmoid,
    tanh,
    relu,
    softplus,
    sin,
    cos,
    abs,
    lambda a: -a,
    lambda a: exp(tanh(a)),
    lambda a: log(1 + abs(a)),
    lambda a: sqrt(0.5 + abs(a)),
    lambda a: (0.1 + abs(tanh(a))) ** 1.5,
    lambda a: 0.0 + a,
    lambda a: 1.0 * a - 0.0,
    lambda a: maximum(a, 0.25),
    lambda a: minimum(0.25, a),
    lambda a: sign(a) * tanh(a),
    lambda a: tanh(a) * mean(a),
    lambda a: a - largest(a),
    lambda a: softmax(tanh(a)) + total(tanh(a)) / 8,
    lambda a: layer_norm(a, epsilon=0.1),
]
BINARY: list[Callable[[Symbol, Symbol], Symbol]] = [
    lambda a, b: a + b,
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: tanh(a) * b,
    lambda a, b: a / (1 + abs(b)),
    maximum,
    minimum,
    lambda a, b: 2 - (a - b),
]


@st.composite
def graphs(draw: st.DrawFn, size: int = 12) -> StepGraph:
    """A cell with everything the language has.

    That is a vector and a number as inputs, two states of different sizes, gates, a matrix, a map, block-diagonal
    matrices, vectors and a number.
    """
    indices = st.integers(0, 200)
    recipe = draw(st.lists(st.tuples(st.booleans(), indices, indices, indices), max_size=size))
    last = draw(st.tuples(indices, indices, indices))

    @cell(gates="a b")
    def random_cell(
        x: Input,
        dt: PerStep,
        h: State,
        q: Narrow,
        *,
        W: Gates[Input],
        R: Gates[State],
        Q: Gates[Narrow],
        b: Gates,
        M: Matrix[Input],
        P: Map[State, Narrow],
        D: Gates[Heads],
        K: Matrix[Heads],
        v: Vector,
        s: Scalar,
    ) -> tuple[State, Narrow, State]:
        pool = [h, v, W.a @ x, W.b @ x, M @ x, R.b @ h, R.a @ h, Q.a @ q, b.a, b.b, s * h, R.a @ (b.b * h)]
        pool += [Q.b @ (P @ h), D.a @ h, D.b @ h, K @ h, K @ v, dt * h, tanh(dt) * v, tanh(dt) + h, layer_norm(D @ h).b]
        pool.append(mean(v) * h)
        for unary, operation, left, right in recipe:
            a, c = pool[left % len(pool)], pool[right % len(pool)]
            pool.append(UNARY[operation % len(UNARY)](a) if unary else BINARY[operation % len(BINARY)](a, c))
        newest = pool[::-1]
        return newest[last[0] % len(pool)], P @ newest[last[1] % len(pool)], newest[last[2] % len(pool)]

    return random_cell.graph


@dataclass(frozen=True)
class Numbers:
    """Values for a graph: inputs [T, B, size or 1], parameters as stored, and states [B, size]."""

    inputs: dict[str, np.ndarray]
    parameters: dict[str, np.ndarray]
    initial: list[np.ndarray]
    rest: list[np.ndarray]


def numbers_for(
    graph: StepGraph, seed: int, *, steps: int = 4, batch: int = 2, sizes: dict[str, int] = SIZES
) -> Numbers:
    rng = np.random.default_rng(seed)
    parameters = {}
    for p in graph.parameters:
        shape = [sizes[letter] if "/" not in letter else sizes["H"] // sizes[letter[2:]] for letter in p.shape]
        if p.gates:
            shape[0] *= len(p.gates)
        parameters[p.name] = rng.uniform(-0.8, 0.8, shape)
    inputs = {v.name: rng.normal(size=(steps, batch, sizes[v.size] if v.size else 1)) for v in graph.inputs}
    initial, rest = ([rng.normal(size=(batch, sizes[s.size])) for s in graph.states] for _ in range(2))
    return Numbers(inputs, parameters, initial, rest)
