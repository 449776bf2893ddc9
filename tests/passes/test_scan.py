"""Which states are scans; and what is called a scan is one, by numbers."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.interpreter import at_step, evaluate
from tests.random_cells import SIZES, graphs, numbers_for
from unspool.cells import built_in
from unspool.ir import StepGraph
from unspool.ir.print import written
from unspool.lang import Gates, Input, Matrix, PerStep, State, Symbol, Vector, cell, layer_norm, mean, sigmoid, tanh
from unspool.passes import Scan, scans

SEEDS = st.integers(0, 2**32 - 1)


@cell
def traced(x: Input, h: State, u: State, v: State, *, W: Matrix[Input], R: Matrix[State]) -> tuple[State, State, State]:
    h = tanh(W @ x + R @ h)
    u = 0.9 * u + h
    return h, u, (v - u) / 2 - v * u + 1


@cell
def in_a_circle(x: Input, h: State, u: State, *, W: Matrix[Input], R: Matrix[State]) -> tuple[State, State]:
    return tanh(W @ x + R @ u), 0.9 * u + h


@cell
def counter(x: Input, h: State) -> State:
    return h + 1


@cell
def forgetful(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return W @ x


@cell
def centred(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return h - mean(h) + W @ x


@cell
def normalised(x: Input, h: State, u: State, *, W: Matrix[Input]) -> tuple[State, State]:
    return 0.5 * h + W @ x, layer_norm(h) * u


@cell(gates="a b c")
def gated(x: Input, dt: PerStep, h: State, *, W: Gates[Input], b: Vector) -> State:
    return -(b - (h * (W.a @ x)) / sigmoid(W.b @ x) - dt * (W.c @ x - h)) + h


@cell
def squared(x: Input, h: State) -> State:
    return h * h


@cell
def in_a_quotient(x: Input, h: State, *, b: Vector) -> State:
    return b / (1 + h)


FOUND = {
    "mingru": {"h"},
    traced: {"u", "v"},
    in_a_circle: set(),
    counter: {"h"},
    forgetful: {"h"},
    centred: set(),
    normalised: {"h", "u"},
    gated: {"h"},
    squared: set(),
    in_a_quotient: set(),
}


def names(graph: StepGraph) -> set[str]:
    return {s.state for s in scans(graph)}


@pytest.mark.parametrize("page", FOUND, ids=lambda p: p if isinstance(p, str) else p.name)
def test_which_states_are_scans(page):
    graph = (built_in()[page] if isinstance(page, str) else page).graph
    assert names(graph) == FOUND[page]
    for seed in range(3):
        true_of(graph, seed)


def test_of_the_pages_mingru_alone_is_one():
    assert {name for name, page in built_in().items() if scans(page.graph)} == {"mingru"}


def test_coefficient_and_addend_of_mingru():
    (scan,) = scans(built_in()["mingru"].graph)
    texts = written(scan.nodes, dict(built_in()["mingru"].graph.names))
    assert (texts[scan.coefficient], texts[scan.addend]) == ("1 − z", "z ∘ n")


def test_what_a_counter_adds():
    (scan,) = scans(counter.graph)
    assert [getattr(scan.nodes[p], "value", None) for p in (scan.coefficient, scan.addend)] == [1.0, 1.0]
    (scan,) = scans(forgetful.graph)
    assert getattr(scan.nodes[scan.coefficient], "value", None) == 0.0


def true_of(graph: StepGraph, seed: int) -> int:
    """What is found is so by numbers: h' = a ∘ h + b with an a and b that do not change with h; how many were found."""
    numbers = numbers_for(graph, seed)
    found = scans(graph)
    for scan in found:
        index = [s.name for s in graph.states].index(scan.state)
        size = len(numbers.initial[index][0])
        rng = np.random.default_rng(seed)
        points = [rng.normal(size=size) for _ in range(2)]
        values = [_with(graph, scan, numbers, point) for point in points]
        a, b = values[0][1], values[0][2]
        scale = 1 + max(np.max(np.abs(v)) for v in (*values[0], *values[1]))
        for point, (after, coefficient, addend) in zip(points, values, strict=True):
            np.testing.assert_array_equal(coefficient, a)
            np.testing.assert_array_equal(addend, b)
            np.testing.assert_allclose(after, a * point + b, rtol=0, atol=1e-10 * scale)
        # one unit moved: no other one follows, and the same step twice goes twice as far
        step = np.zeros(size)
        step[seed % size] = 1.0
        start, once, twice = (_with(graph, scan, numbers, points[0] + k * step)[0] for k in range(3))
        np.testing.assert_allclose(twice - once, once - start, rtol=0, atol=1e-9 * scale)
        np.testing.assert_allclose(np.delete(np.broadcast_to(once - start, size), seed % size), 0, atol=1e-9 * scale)
    return len(found)


def _with(graph: StepGraph, scan: Scan, numbers, state: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h', a, b) of one step with the state's value given."""
    reads = at_step(graph, numbers.inputs, 0, 0)
    reads |= {s.name: v[0] for s, v in zip(graph.states, numbers.initial, strict=True)} | {scan.state: state}
    index = [s.name for s in graph.states].index(scan.state)
    extended = StepGraph(
        graph.name, graph.inputs, graph.states, graph.parameters, scan.nodes, graph.next_states, graph.output
    )
    values = evaluate(extended, reads, numbers.parameters)
    return tuple(np.asarray(values[p]) for p in (graph.next_states[index], scan.coefficient, scan.addend))  # type: ignore[return-value]


@settings(max_examples=60)
@given(graph=graphs(), seed=SEEDS)
def test_what_is_found_in_a_random_cell_is_so(graph: StepGraph, seed: int):
    true_of(graph, seed)


WORDS: list[Callable[[Symbol, Symbol, Symbol, Symbol], Symbol]] = [
    lambda line, other, f, g: line + other,
    lambda line, other, f, g: line - f,
    lambda line, other, f, g: g - line,
    lambda line, other, f, g: f * line,
    lambda line, other, f, g: line * 0.5,
    lambda line, other, f, g: -line,
    lambda line, other, f, g: line / (1 + abs(f)),
    lambda line, other, f, g: mean(f) * line + g,
    lambda line, other, f, g: tanh(line),
]


@st.composite
def mostly_linear(draw: st.DrawFn) -> tuple[StepGraph, bool]:
    """A cell of one state, and whether it is known to be a scan: only linear words were used on the state."""
    recipe = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 50), st.integers(0, 50)), max_size=8))

    @cell(gates="a b")
    def random_cell(x: Input, dt: PerStep, h: State, *, W: Gates[Input], b: Vector) -> State:
        free: list[Symbol] = [W.a @ x, b, dt + W.b @ x, sigmoid(W.b @ x)]
        lines: list[Symbol] = [h, free[0] * h]
        for word, left, right in recipe:
            f, g, line, other = (p[i % len(p)] for p, i in ((free, left), (free, right), (lines, left), (lines, right)))
            free.append(tanh(f) * g)
            lines.append(WORDS[word](line, other, f, g))
        return lines[-1]

    return random_cell.graph, all(word < 8 for word, _, _ in recipe)


@settings(max_examples=60)
@given(drawn=mostly_linear(), seed=SEEDS)
def test_what_uses_linear_words_only_is_found(drawn: tuple[StepGraph, bool], seed: int):
    graph, linear = drawn
    assert true_of(graph, seed) >= linear


def test_sizes_differ():
    assert len(set(SIZES.values())) == len(SIZES)
