"""Narrow: W x feature by feature is W x, and what cannot be cut is left alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.random_cells import graphs
from unspool.cells import built_in
from unspool.ir import StepGraph, check_graph, graph_from_json, graph_to_json, in_numbers, print_graph
from unspool.lang import Gates, Input, Matrix, PerStep, State, cell, sigmoid, tanh
from unspool.passes import as_run, make_plan
from unspool.passes.fold import fold
from unspool.passes.narrow import column_name, narrow
from unspool.passes.save import plan_training
from unspool.testing.interpreter import evaluate

SIZES = {"I": 2, "H": 4, "P": 2, "N": 2}


def evaluated_alike(graph: StepGraph, cut: StepGraph, features: int) -> None:
    """One step of both on the same numbers."""
    rng = np.random.default_rng(0)
    sizes = {**SIZES, "I": features}
    reads = {v.name: rng.normal(size=in_numbers(v.shape, sizes)) for v in (*graph.inputs, *graph.states)}
    stored: dict[str, Any] = {}
    for p in graph.parameters:
        rows, *rest = in_numbers(p.shape, sizes) or (1,)
        stored[p.name] = rng.normal(size=(rows * max(1, len(p.gates)), *rest) if p.shape else ())
    (x,) = graph.vector_inputs
    columns = {p.name for p in graph.parameters} - {p.name for p in cut.parameters}
    narrow_reads = {n: v for n, v in reads.items() if n != x.name}
    narrow_reads |= {column_name(x.name, i): reads[x.name][i] for i in range(features)}
    narrow_stored = {n: v for n, v in stored.items() if n not in columns}
    narrow_stored |= {column_name(n, i): stored[n][:, i] for n in columns for i in range(features)}
    whole, parts = evaluate(graph, reads, stored), evaluate(cut, narrow_reads, narrow_stored)
    for there, here in zip(graph.results, cut.results, strict=True):
        np.testing.assert_allclose(parts[here], whole[there], rtol=1e-12, atol=1e-12)


def test_the_docstrings_example():
    @cell
    def example(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
        return tanh(W @ x + R @ h)

    cut = narrow(example.graph, 2)
    assert cut is not None
    assert "tanh(W·0 ∘ x·0 + W·1 ∘ x·1 + R @ h)" in print_graph(cut)
    assert [v.name for v in cut.inputs] == ["x·0", "x·1"]
    assert [(p.name, p.shape) for p in cut.parameters] == [("W·0", ("H",)), ("W·1", ("H",)), ("R", ("H", "H"))]
    check_graph(cut)
    assert graph_from_json(graph_to_json(cut)) == cut


@pytest.mark.parametrize("features", [1, 3])
@pytest.mark.parametrize("name", built_in())
def test_every_page_is_what_it_was(name: str, features: int):
    graph = as_run(built_in()[name].graph)
    cut = narrow(graph, features)
    assert (cut is None) == (name == "lmu")  # which writes a number made of x, not of W x
    if cut is not None:
        evaluated_alike(graph, cut, features)


@settings(max_examples=50)
@given(graph=graphs())
def test_random_cells_are_what_they_were(graph: StepGraph):
    if cut := narrow(graph, 2):
        evaluated_alike(graph, cut, 2)


def test_nothing_is_left_before_the_loop_and_no_gradient_of_x():
    cut = narrow(built_in()["gru"].graph, 1)
    assert cut is not None
    folded = fold(make_plan(cut))
    assert (folded.products, folded.prologue, folded.stacks) == ((), (), (("x·0",),))
    fixed = plan_training(folded.forward, fixed=["x·0"])
    assert "∂x·0" not in dict(fixed.adjoint.writes)
    assert "∂x·0" in dict(plan_training(folded.forward).adjoint.writes)
    assert {"∂W·0.r", "∂b.r"} <= dict(fixed.totals).keys()


def test_what_has_another_use_is_left_alone():
    @cell
    def added(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return tanh(W @ x + h * (W @ tanh(x)))

    @cell(gates="a b")
    def shared(x: Input, dt: PerStep, h: State, *, W: Gates[Input]) -> State:
        return sigmoid(W.a @ x) * h + W.b @ (x * dt)

    @cell
    def deaf(x: Input, h: State, *, R: Matrix[State]) -> State:
        return tanh(R @ h)

    assert narrow(added.graph, 2) is None
    assert narrow(shared.graph, 2) is None
    assert narrow(deaf.graph, 2) is None
