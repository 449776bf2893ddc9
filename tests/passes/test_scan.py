"""Which states are scans; and what is called a scan is one, by numbers."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.random_cells import SIZES, graphs, numbers_for
from unspool.cells import built_in
from unspool.ir import StepGraph
from unspool.ir.print import written
from unspool.lang import Gates, Input, Matrix, PerStep, State, Symbol, Vector, cell, layer_norm, mean, sigmoid, tanh
from unspool.passes import Scan, scans
from unspool.testing.interpreter import at_step, evaluate

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
def turned(x: Input, p: State, q: State, *, W: Matrix[Input], a: Vector, b: Vector) -> tuple[State, State]:
    """A complex number, and what it is multiplied by."""
    kept = b * p
    p = a * p - b * q + W @ x
    return p, kept + a * q


@cell
def sheared(x: Input, p: State, v: State, q: State, *, W: Matrix[Input], a: Vector) -> tuple[State, State, State]:
    """The states p and q need each other, v stands between them on the page and needs both."""
    following = p - sigmoid(W @ x) * q
    return following, 0.5 * v + following, a * following + q / 2


@cell
def in_a_gate(x: Input, p: State, q: State, *, a: Vector) -> tuple[State, State]:
    """Each is linear in both, but one's coefficient is the other's past."""
    return a * p + q * 0.5, q * sigmoid(p)


@cell
def mixed(x: Input, p: State, q: State, *, R: Matrix[State]) -> tuple[State, State]:
    """Linear, and not unit by unit."""
    return p + 0.5 * q, q + R @ p


@cell
def by_way_of_another(x: Input, p: State, q: State, g: State) -> tuple[State, State, State]:
    """The states p and q are linear in each other, with a coefficient that follows p one step later."""
    return g * p + q, p - q, sigmoid(p)


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
    turned: {"p q"},
    sheared: {"p q", "v"},
    in_a_gate: set(),
    mixed: set(),
    by_way_of_another: set(),
    "lru": {"p q"},
    "qrnn": {"c", "p", "q", "s"},
    "rglru": {"h"},
    "sru": set(),
}


def names(graph: StepGraph) -> set[str]:
    """The groups, each as its states' names with spaces between."""
    return {" ".join(s.states) for s in scans(graph)}


@pytest.mark.parametrize("page", FOUND, ids=lambda p: p if isinstance(p, str) else p.name)
def test_which_states_are_scans(page):
    graph = (built_in()[page] if isinstance(page, str) else page).graph
    assert names(graph) == FOUND[page]
    for seed in range(3):
        true_of(graph, seed)


def test_which_pages_are_scans_as_a_whole():
    """So that no loop over steps is needed: every state is in a group."""
    whole = {n for n, p in built_in().items() if sum(len(s.states) for s in scans(p.graph)) == len(p.graph.states)}
    assert whole == {"lru", "mingru", "minlstm", "qrnn", "rglru"}


def test_coefficient_and_addend_of_mingru():
    (scan,) = scans(built_in()["mingru"].graph)
    texts = written(scan.nodes, dict(built_in()["mingru"].graph.names))
    assert (texts[scan.coefficients[0][0]], texts[scan.addends[0]]) == ("1 − z", "z ∘ n")


def test_the_lru_turns_and_shrinks():
    (scan,) = scans(built_in()["lru"].graph)
    names = dict(built_in()["lru"].graph.names)
    texts = written(scan.nodes, names)
    rows = [[names.get(p, texts[p]) for p in row] for row in scan.coefficients]
    assert (scan.states, rows) == (("p", "q"), [["a", "−b"], ["b", "a"]])
    assert [texts[p] for p in scan.addends] == ["g ∘ (B.p @ x)", "g ∘ (B.q @ x)"]


def test_what_a_counter_adds():
    (scan,) = scans(counter.graph)
    assert [getattr(scan.nodes[p], "value", None) for p in (scan.coefficients[0][0], scan.addends[0])] == [1.0, 1.0]
    (scan,) = scans(forgetful.graph)
    assert getattr(scan.nodes[scan.coefficients[0][0]], "value", None) == 0.0


def true_of(graph: StepGraph, seed: int) -> int:
    """What is found is so by numbers: s' = A s + b with an A and b that do not change with s; how many were found."""
    numbers = numbers_for(graph, seed)
    found = scans(graph)
    for scan in found:
        index = [s.name for s in graph.states].index(scan.states[0])
        shape = (len(scan.states), len(numbers.initial[index][0]))
        rng = np.random.default_rng(seed)
        points = [rng.normal(size=shape) for _ in range(2)]
        values = [_with(graph, scan, numbers, point) for point in points]
        A, b = values[0][1], values[0][2]
        scale = 1 + max(np.max(np.abs(v)) for v in (*values[0], *values[1]))
        for point, (after, coefficients, addends) in zip(points, values, strict=True):
            np.testing.assert_array_equal(coefficients, A)
            np.testing.assert_array_equal(addends, b)
            np.testing.assert_allclose(after, np.einsum("ijh,jh->ih", A, point) + b, rtol=0, atol=1e-10 * scale)
        # one unit moved: no other one follows, and the same step twice goes twice as far
        step, unit = np.zeros(shape), seed % shape[1]
        step[:, unit] = 1.0
        start, once, twice = (_with(graph, scan, numbers, points[0] + k * step)[0] for k in range(3))
        np.testing.assert_allclose(twice - once, once - start, rtol=0, atol=1e-9 * scale)
        np.testing.assert_allclose(np.delete(once - start, unit, axis=1), 0, atol=1e-9 * scale)
    return len(found)


def _with(graph: StepGraph, scan: Scan, numbers, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(s' [k, H], A [k, k, H], b [k, H]) of one step with the group's values given, [k, H]."""
    given = dict(zip(scan.states, values, strict=True))
    reads = at_step(graph, numbers.inputs, 0, 0)
    reads |= {s.name: v[0] for s, v in zip(graph.states, numbers.initial, strict=True)} | given
    following = dict(zip((s.name for s in graph.states), graph.next_states, strict=True))
    extended = StepGraph(
        graph.name, graph.inputs, graph.states, graph.parameters, scan.nodes, graph.next_states, graph.output
    )
    found = evaluate(extended, reads, numbers.parameters)

    def rows(positions: Iterable[int]) -> np.ndarray:
        return np.stack([np.broadcast_to(found[p], values.shape[1:]) for p in positions])

    after = rows(following[name] for name in scan.states)
    return after, np.stack([rows(row) for row in scan.coefficients]), rows(scan.addends)


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


@st.composite
def linear_together(draw: st.DrawFn) -> StepGraph:
    """A cell of three states and only linear words on them."""
    recipe = draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 50), st.integers(0, 50)), max_size=8))
    results = draw(st.tuples(*[st.integers(0, 50)] * 3))

    @cell(gates="a b")
    def random_cell(
        x: Input, dt: PerStep, h: State, u: State, v: State, *, W: Gates[Input], b: Vector
    ) -> tuple[State, State, State]:
        free: list[Symbol] = [W.a @ x, b, dt + W.b @ x, sigmoid(W.b @ x)]
        lines: list[Symbol] = [h, u, v, free[0] * h]
        for word, left, right in recipe:
            f, g, line, other = (p[i % len(p)] for p, i in ((free, left), (free, right), (lines, left), (lines, right)))
            free.append(tanh(f) * g)
            lines.append(WORDS[word](line, other, f, g))
        first, second, third = (lines[i % len(lines)] for i in results)
        return first, second, third

    return random_cell.graph


@settings(max_examples=60)
@given(graph=linear_together(), seed=SEEDS)
def test_what_is_linear_together_is_found(graph: StepGraph, seed: int):
    """Every state is in one group, whichever depend on which."""
    true_of(graph, seed)
    assert sorted(name for scan in scans(graph) for name in scan.states) == ["h", "u", "v"]


def test_sizes_differ():
    assert len(set(SIZES.values())) == len(SIZES)
