"""The tangent of a step is its derivative: every rule against finite differences, and a wrong rule is found out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.random_cells import SIZES, numbers_for
from unspool.cells import built_in
from unspool.errors import CellError
from unspool.ir import OPERATIONS, Apply, GraphBuilder, Parameter, StepGraph, Variable, check_graph, print_graph
from unspool.lang import Gates, Input, Matrix, State, Symbol, cell, sigmoid, sign, tanh
from unspool.passes import as_run, tangent
from unspool.passes.adjoint import Term
from unspool.passes.tangent import RULES
from unspool.testing.interpreter import evaluate

STEP = 1e-6
"""Of the differences: they are good to about 1e-10."""

VARIABLES = {"h": Variable("h", "H"), "u": Variable("u", "H"), "dt": Variable("dt", ""), "a": Variable("a", "")}
PARAMETERS = {
    "v": Parameter("v", ("H",), ()),
    "s": Parameter("s", (), ()),
    "R": Parameter("R", ("H", "H"), ()),
    "D": Parameter("D", ("H", "H/N"), ()),
    "P": Parameter("P", ("P", "H"), ()),
}
Values = dict[str, Any]


def graph(equations: Callable[..., Term | tuple[Term, Term]], *leaves: str) -> StepGraph:
    """The step h' = equations(leaves…), and the output where there is a second result. What is no state is an input."""
    builder = GraphBuilder()

    def place(leaf: str) -> int:
        if leaf in VARIABLES:
            return builder.read(VARIABLES[leaf])
        return builder.weight(PARAMETERS[leaf]) if leaf in PARAMETERS else builder.constant(float(leaf))

    found = equations(*(Term(builder, place(leaf)) for leaf in leaves))
    result, output = found if isinstance(found, tuple) else (found, found)
    inputs = tuple(v for v in VARIABLES.values() if v.name != "h")
    parameters = tuple(PARAMETERS.values())
    return builder.finish("small", inputs, (VARIABLES["h"],), parameters, (result.position,), output.position, {})


def of(operation: str, *leaves: str) -> StepGraph:
    """The step h' = operation(leaves…) ∘ v, so that a number makes a vector too and no tangent is plain."""
    return graph(lambda *terms: terms[0].apply(operation, *terms[1:-1]) * terms[-1].apply("tanh"), *leaves, "v")


PAIRS = [("h", "u"), ("h", "v"), ("v", "h"), ("h", "h"), ("h", "dt"), ("dt", "h"), ("h", "s"), ("s", "h")]
PAIRS += [("dt", "a"), ("dt", "s"), ("s", "dt"), ("h", "0.7"), ("0.7", "h"), ("dt", "0.7"), ("0.7", "dt")]
BINARY = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum")
UNARY = [o for o in RULES if o not in (*BINARY, "sum", "size", "largest", "product")]
CASES: dict[str, list[StepGraph]] = {
    **{o: [of(o, leaf) for leaf in ("h", "u", "dt")] for o in UNARY},
    **{o: [of(o, *pair) for pair in PAIRS] for o in BINARY},
    "product": [
        of("product", "R", "h"),
        of("product", "D", "u"),
        graph(lambda R, h, v: R.apply("product", R.apply("product", h) * v), "R", "h", "v"),
        graph(lambda P, h, u: (u, P.apply("product", h)), "P", "h", "u"),
        graph(lambda R, h, dt: R.apply("product", h.apply("sum") + dt * h), "R", "h", "dt"),
    ],
    "sum": [of("sum", "h"), of("sum", "u"), graph(lambda h, dt: (h + dt + h.apply("sum")).apply("sum") * h, "h", "dt")],
    "size": [of("size", "h"), graph(lambda h, u: h * (u * h).apply("size"), "h", "u")],
    "largest": [of("largest", "h"), graph(lambda h, v: h * (h * v).apply("largest"), "h", "v")],
}
ARGUMENTS = [(o, i) for o in RULES for i in range(OPERATIONS[o].arity) if (o, i) != ("product", 0)]


def values_for(step: StepGraph, seed: int, *, positive: bool = False) -> Values:
    """A random value of everything that a step reads and learns."""
    letters = dict.fromkeys(step.sizes, 2) | SIZES
    numbers = numbers_for(step, seed, steps=1, batch=1, sizes=letters)
    values = {n: v[0, 0] if len(v[0, 0]) > 1 or n == "x" else v[0, 0, 0] for n, v in numbers.inputs.items()}
    values |= {s.name: v[0] for s, v in zip(step.states, numbers.initial, strict=True)} | numbers.parameters
    return {n: np.abs(v) + 0.1 if positive else v for n, v in values.items()}


def results(step: StepGraph, values: Values) -> list[Any]:
    found = evaluate(step, values, values)
    return [found[p] for p in step.results]


def check(step: StepGraph, *, seed: int = 0, positive: bool = False) -> None:
    """The tangent of one step along a random direction, by states and inputs, is a finite difference."""
    values = values_for(step, seed, positive=positive)
    inputs = tuple(v.name for v in step.inputs)
    moved = check_graph(tangent(step, inputs))
    rng = np.random.default_rng(seed)
    direction = {v.name: rng.normal(size=np.shape(values[v.name])) for v in (*step.inputs, *step.states)}
    there, back = (
        results(step, {**values, **{n: values[n] + sign * STEP * d for n, d in direction.items()}}) for sign in (1, -1)
    )
    found = results(moved, {**values, **{f"δ{n}": d for n, d in direction.items()}})
    for expected_there, expected_back, value in zip(there, back, found, strict=True):
        expected = (expected_there - expected_back) / (2 * STEP)
        allowed = 1e-8 * max(1.0, float(np.abs(expected).max()))
        assert np.shape(value) == np.shape(expected)
        np.testing.assert_allclose(value, expected, rtol=0, atol=allowed)


def check_all(operation: str) -> None:
    for step in CASES[operation]:
        for seed in range(2):
            check(step, seed=seed, positive=operation in ("divide", "power", "log", "sqrt"))


def test_every_operation_has_a_rule():
    assert set(RULES) == set(OPERATIONS)


@pytest.mark.parametrize("operation", RULES)
def test_a_rule_is_a_finite_difference(operation: str):
    assert all(any(isinstance(n, Apply) and n.operation == operation for n in g.nodes) for g in CASES[operation])
    check_all(operation)


def scaled(part: Term | None, incoming: Term) -> Term | None:
    return (part or incoming) * 1.001


def dropped(part: Term | None, incoming: Term) -> Term | None:
    return None if part else incoming


def flipped(part: Term | None, incoming: Term) -> Term | None:
    return -(part or incoming)


@pytest.mark.parametrize("wrongly", [scaled, dropped, flipped])
@pytest.mark.parametrize(("operation", "argument"), ARGUMENTS)
def test_a_wrong_rule_is_found_out(operation: str, argument: int, wrongly: Callable[..., Any], monkeypatch):
    """Each part of each rule in turn; one that is zero everywhere becomes what is not. A matrix has no tangent."""
    right = RULES[operation]

    def wrong(*terms: Term) -> tuple[Term | None, ...]:
        parts = list(right(*terms))
        parts[argument] = wrongly(parts[argument], terms[-1])
        return tuple(parts)

    monkeypatch.setitem(RULES, operation, wrong)
    with pytest.raises((AssertionError, CellError)):
        check_all(operation)


@pytest.mark.parametrize("name", built_in())
def test_every_pages_tangent_is_a_finite_difference(name: str):
    check(as_run(built_in()[name].graph))
    check(as_run(built_in()[name].graph), seed=1)


@cell
def plain(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
    return tanh(W @ x + R @ h)


@cell(gates="f c")
def gated(x: Input, h: State, *, W: Gates[Input], R: Gates[State]) -> State:
    f = sigmoid(W.f @ x + R.f @ h)
    return f * h + (1 - f) * tanh(W.c @ x)


def lines(step: StepGraph) -> list[str]:
    return [" ".join(line.split()) for line in print_graph(step).splitlines()]


def test_the_docstrings_example():
    head, _, *equations = lines(tangent(plain.graph))
    assert head == "tangent of plain: x [I], h [H], δh [H] → δh [H]"
    assert equations == ["h' = tanh(W @ x + R @ h)", "δh' = R @ δh ∘ (1 − h' ∘ h')"]


def test_an_input_moves_only_if_it_is_asked_for():
    assert lines(tangent(plain.graph, ("x",)))[-1] == "δh' = (W @ δx + R @ δh) ∘ (1 − h' ∘ h')"


def test_names_on_the_page_have_their_tangents_names():
    equations = lines(tangent(gated.graph))
    assert "δf = R.f @ δh ∘ (f ∘ (1 − f))" in equations
    assert "c" not in {v.name for v in tangent(gated.graph).parameters}


@pytest.mark.parametrize(
    ("equations", "leaves", "given", "expected"),
    [
        (lambda h: h.apply("relu"), "h", [0.0, 1.0], [0, 1]),
        (lambda h: h.apply("abs"), "h", [0.0, -1.0], [0, -1]),
        (lambda h, n: h.apply("maximum", n), "h 0.7", [0.7, 0.6, 0.8], [1, 0, 1]),
        (lambda h, n: n.apply("minimum", h), "h 0.7", [0.7, 0.6, 0.8], [1, 1, 0]),
        (lambda h, v: h.apply("maximum", v), "h v", [0.7, 0.6, 0.8], [0.5, 0, 1]),
        (lambda h, v: h.apply("largest") * v, "h v", [0.2, 0.5, 0.5], [0.7, 0.7, 0.7]),
    ],
)
def test_at_a_kink(equations: Callable[..., Term], leaves: str, given: list[float], expected: list[float]):
    """Where there are two derivatives it is the adjoint's choice, along δh = 1."""
    moved = tangent(graph(equations, *leaves.split()))
    values = {"h": np.array(given), "v": np.full(len(given), 0.7), "δh": np.ones(len(given))}
    np.testing.assert_allclose(results(moved, values | dict.fromkeys(("u", "dt", "a")))[0], expected, rtol=1e-15)


def test_what_a_step_forgets_has_a_tangent_of_zero():
    @cell
    def forgets(x: Input, h: State, *, W: Matrix[Input]) -> tuple[State, Symbol]:
        return W @ x + sign(h), tanh(W @ x)

    moved = check_graph(tangent(forgets.graph))
    values = {"x": np.ones(3), "h": np.ones(2), "δh": np.ones(2), "W": np.ones((2, 3))}
    assert [list(v) for v in results(moved, values)] == [[0, 0], [0, 0]]


def test_a_page_with_a_tangents_name_is_refused():
    @cell
    def taken(x: Input, h: State, *, W: Matrix[Input], δh: Matrix[State]) -> State:
        return W @ x + δh @ h

    with pytest.raises(CellError, match="its own 'δh'"):
        tangent(taken.graph)
