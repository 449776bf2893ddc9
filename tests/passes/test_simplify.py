"""Simplify leaves the value and takes away nodes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unspool.ir import Apply, Constant, GraphBuilder, StepGraph, Variable, print_graph
from unspool.lang import Input, Matrix, State, cell, tanh
from unspool.passes import simplify
from unspool.passes.simplify import _ARITHMETIC
from unspool.testing.interpreter import NUMPY


def line(graph: StepGraph) -> str:
    return print_graph(graph).splitlines()[-1].split("= ")[1]


def next_h(build) -> StepGraph:
    """The graph of h' = build(builder, h)."""
    builder = GraphBuilder()
    h = Variable("h", "H")
    result = build(builder, builder.read(h))
    return builder.finish("small", (), (h,), (), (result,), result, {})


def with_number(operation: str, number: float, *, first: bool) -> StepGraph:
    def build(builder: GraphBuilder, h: int) -> int:
        arguments = (builder.constant(number), h) if first else (h, builder.constant(number))
        return builder.apply(operation, *arguments)

    return next_h(build)


@pytest.mark.parametrize(
    ("operation", "number", "first"),
    [
        ("add", 0.0, True),
        ("add", 0.0, False),
        ("subtract", 0.0, False),
        ("multiply", 1.0, True),
        ("multiply", 1.0, False),
        ("divide", 1.0, False),
        ("power", 1.0, False),
    ],
)
def test_a_neutral_number_goes(operation: str, number: float, first: bool):
    assert line(simplify(with_number(operation, number, first=first))) == "h"


@pytest.mark.parametrize(
    ("operation", "number", "first"),
    [
        ("add", 1.0, True),
        ("subtract", 0.0, True),
        ("multiply", 0.0, False),  # 0 ∘ ∞ is not 0
        ("divide", 1.0, True),
        ("power", 1.0, True),
        ("maximum", 0.0, False),
    ],
)
def test_any_other_number_stays(operation: str, number: float, first: bool):
    graph = with_number(operation, number, first=first)
    assert simplify(graph) == graph


def test_two_signs_cancel():
    graph = next_h(lambda builder, h: builder.apply("negate", builder.apply("negate", h)))
    assert line(simplify(graph)) == "h"


def test_the_docstrings_example():
    @cell
    def example(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
        return tanh(W @ x + 0 + R @ h)

    assert line(simplify(example.graph)) == "tanh(W @ x + R @ h)"


@given(st.sampled_from(sorted(_ARITHMETIC)), st.floats(-4, 4), st.floats(-4, 4))
def test_arithmetic_on_numbers_is_that_of_vectors(operation: str, left: float, right: float):
    arity = 2 if operation in ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum") else 1
    numbers = (left, right)[:arity]

    def build(builder: GraphBuilder, h: int) -> int:
        return builder.apply("add", h, builder.apply(operation, *map(builder.constant, numbers)))

    graph = simplify(next_h(build))
    with np.errstate(all="ignore"):
        expected = float(NUMPY[operation](*map(np.float64, numbers)))
    kept = [n.value for n in graph.nodes if isinstance(n, Constant)]
    assert not any(isinstance(n, Apply) and n.operation == operation != "add" for n in graph.nodes)
    assert kept == pytest.approx([expected] if expected != 0 else [], nan_ok=True, rel=1e-12) or (
        expected == 0 and not kept
    )


@pytest.mark.parametrize(("operation", "value"), [("log", -math.inf), ("exp", 1.0), ("sigmoid", 0.5)])
def test_arithmetic_does_not_raise_at_the_edge(operation: str, value: float):
    graph = next_h(lambda b, h: b.apply("maximum", h, b.apply(operation, b.constant(0.0))))
    assert [n.value for n in simplify(graph).nodes if isinstance(n, Constant)] == [value]


def test_zero_plus_a_number_is_not_a_vector():
    graph = next_h(lambda b, h: b.apply("multiply", h, b.apply("add", b.constant(0.0), b.constant(3.0))))
    assert line(simplify(graph)) == "h ∘ 3"
