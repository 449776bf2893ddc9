"""Fold: products that need no state leave the loop; pointwise work and reductions return into it."""

import numpy as np
import pytest

from tests.passes.sweeps import evaluate, folded, text
from tests.random_cells import SIZES, Numbers, numbers_for
from unspool.cells import built_in
from unspool.ir import Apply, Read, StepGraph, Weight
from unspool.lang import (
    Gates,
    Input,
    Matrix,
    Output,
    PerStep,
    Scalar,
    State,
    Vector,
    cell,
    sigmoid,
    softmax,
    tanh,
)
from unspool.passes import StackedProduct, as_run, make_plan
from unspool.passes.fold import Folded, Hoisted, fold
from unspool.passes.sweep import weight_name
from unspool.testing import interpreter


def names(pairs: tuple[tuple[str, int], ...]) -> set[str]:
    return {name for name, _ in pairs}


def operations(nodes: tuple[object, ...]) -> list[str]:
    return [n.operation for n in nodes if isinstance(n, Apply)]


def outside(cut: Folded) -> list[str]:
    """Operations before the loop, products of inputs first; a stack counts once."""
    graph = cut.plan.graph
    products = ["product"] * len(cut.products)
    instructions = [i.results[0] if isinstance(i, StackedProduct) else i for i in cut.prologue]
    return [*products, *operations(tuple(graph.nodes[i] for i in instructions))]


def test_the_docstrings_example():
    @cell(gates="z o")
    def example(x: Input, h: State, *, W: Gates[Input], b: Gates, u: Vector) -> tuple[State, Output]:
        z = sigmoid(W.z @ x + b.z)
        h = (1 - z) * h + z * u
        return h, sigmoid(W.o @ x) * tanh(h)

    cut = folded(example.graph)
    assert outside(cut) == ["product"]
    assert cut.products == (Hoisted("x", "W", ("W@x.z", "W@x.o")),)
    assert (cut.stacks, cut.constants) == ((), ())
    z = "σ(b.z + W@x.z)"
    assert text(cut.forward, "h") == f"{z} ∘ u + (1 − {z}) ∘ h"
    assert text(cut.forward, f"y#{cut.plan.graph.output}") == f"σ(W@x.o) ∘ tanh({text(cut.forward, 'h')})"
    assert cut.epilogue == ()


def test_a_product_of_a_product_leaves_whole_and_its_pointwise_end_returns():
    @cell
    def chain(x: Input, h: State, *, W: Matrix[Input], U: Matrix[State], R: Matrix[State]) -> State:
        return tanh(U @ tanh(W @ x) + R @ h)

    cut = folded(chain.graph)
    assert outside(cut) == ["product", "tanh", "product"]
    ((name, position),) = cut.sources
    assert operations((cut.plan.graph.nodes[position],)) == ["product"]
    assert text(cut.forward, "h") == f"tanh({name} + R @ h)"


def test_a_reduction_returns_into_the_loop():
    @cell
    def reduced(x: Input, dt: PerStep, h: State, *, W: Matrix[Input]) -> State:
        return dt * h + softmax(W @ x)

    cut = folded(reduced.graph)
    assert outside(cut) == ["product"]
    assert {"largest", "exp", "sum"} <= set(operations(cut.forward.nodes))
    assert {r.name: r.shape for r in cut.forward.reads} == {"W@x": ("H",), "dt": ()}


def test_a_reduction_that_a_product_waits_for_leaves_with_it():
    @cell
    def before(x: Input, h: State, *, W: Matrix[Input], U: Matrix[State]) -> State:
        return tanh(h + U @ softmax(W @ x))

    cut = folded(before.graph)
    assert outside(cut).count("product") == 2
    assert {"largest", "exp", "sum"} <= set(outside(cut))
    assert operations(cut.forward.nodes) == ["add", "tanh"]


def test_what_no_step_changes_is_a_constant_of_the_loop():
    @cell
    def prepared(x: Input, h: State, *, W: Matrix[Input], K: Matrix[State], v: Vector, s: Scalar) -> State:
        return W @ x + tanh(K @ v) * h + sigmoid(s) * h

    cut = folded(prepared.graph)
    assert names(cut.sources) == {"W@x"}
    assert {"product", "tanh", "sigmoid"} <= set(outside(cut))
    assert {n.shape for n in cut.forward.weights} == {("H",), ()}
    assert sorted(operations(cut.forward.nodes)) == ["add", "add", "multiply", "multiply"]


def test_a_readout_stays_behind_the_loop_from_its_first_product_on():
    @cell
    def read_out(x: Input, h: State, *, W: Matrix[Input], C: Matrix[State]) -> tuple[State, Output]:
        h = tanh(W @ x + h)
        return h, sigmoid(C @ (h * h)) + W @ x

    cut = folded(read_out.graph)
    graph = cut.plan.graph
    (kept,) = cut.kept
    assert operations((graph.nodes[kept],)) == ["multiply"]
    assert text(cut.forward, cut.forward.writes[0][0]) == "tanh(W@x + h) ∘ tanh(W@x + h)"
    assert isinstance(cut.epilogue[0], StackedProduct)
    assert [n.operation for i in cut.epilogue[1:] if isinstance(i, int) and isinstance(n := graph.nodes[i], Apply)] == [
        "sigmoid",
        "add",
    ]


def test_an_output_that_needs_no_state_is_not_in_the_loop():
    @cell
    def apart(x: Input, h: State, *, W: Matrix[Input], b: Vector) -> tuple[State, Output]:
        return tanh(h + b), sigmoid(W @ x)

    cut = folded(apart.graph)
    assert (cut.sources, cut.kept, cut.epilogue, cut.forward.writes) == ((), (), (), ())
    assert outside(cut) == ["product", "sigmoid"]


def test_an_input_that_nothing_needs_is_not_read():
    @cell
    def deaf(x: Input, dt: PerStep, h: State, *, v: Vector) -> State:
        return tanh(v * h)

    cut = folded(deaf.graph)
    assert (cut.forward.reads, cut.prologue, cut.stacks) == ((), (), ())


def test_an_output_that_is_the_old_state_is_written():
    @cell
    def delayed(x: Input, h: State, *, W: Matrix[Input]) -> tuple[State, Output]:
        return tanh(W @ x + h), h

    ((_, position),) = folded(delayed.graph).forward.writes
    assert folded(delayed.graph).forward.nodes[position] == Read("h", ("H",))


@pytest.mark.parametrize("reader", ["output", "epilogue", "prologue"])
def test_a_stack_is_left_in_one_piece_only_where_the_loop_alone_reads_it(reader: str):
    @cell(gates="a b")
    def shared(x: Input, h: State, *, W: Gates[Input], C: Matrix[State]) -> tuple[State, Output]:
        a, b = W.a @ x, W.b @ x
        h = tanh(a + b * h) * (C @ tanh(b) if reader == "prologue" else 1)
        return h, {"output": b, "epilogue": C @ h + b, "prologue": h}[reader]

    assert set(folded(shared.graph).stacks) >= {("W@x.a",), ("W@x.b",)}


@pytest.mark.parametrize("name", built_in())
def test_every_pages_loop_is_the_page(name: str):
    graph = as_run(built_in()[name].graph)
    the_loop_computes_the_step(graph, numbers_for(graph, 0))


def the_loop_computes_the_step(graph: StepGraph, numbers: Numbers) -> None:
    """One step of the loop, given what the prologue gives it, has the values of the whole graph, and all are needed."""
    cut = folded(graph)
    whole = cut.plan.graph
    reads = interpreter.at_step(whole, numbers.inputs, 0, 0)
    states = {s.name: v[0] for s, v in zip(whole.states, numbers.initial, strict=True)}
    expected = interpreter.evaluate(whole, {**reads, **states}, numbers.parameters)
    given = {name: expected[p] for name, p in (*cut.sources, *cut.constants)}
    given |= {weight_name(n): v for n, v in zip(whole.nodes, expected, strict=True) if isinstance(n, Weight)}
    found = evaluate(cut.forward, {**given, **{n: expected[p] for n, p in cut.constants}, **states})
    scale = 1e-12 * max(1.0, max(float(np.max(np.abs(v))) for v in expected))
    for theirs, mine in zip(whole.next_states, cut.forward.next_states, strict=True):
        np.testing.assert_allclose(found[mine], expected[theirs], rtol=0, atol=scale)
    for theirs, (_, mine) in zip(cut.kept, cut.forward.writes, strict=True):
        np.testing.assert_allclose(found[mine], expected[theirs], rtol=0, atol=scale)
    assert {n for n, _ in (*cut.sources, *cut.constants)} <= {
        n.name for n in (*cut.forward.reads, *cut.forward.weights)
    }
    given_together = [*cut.stacks, *(p.names for p in cut.products)]
    assert sorted(n for stack in given_together for n in stack) == sorted(n for n, _ in cut.sources)
    assert SIZES.keys() >= {letter for n in cut.forward.reads for letter in n.shape}


@pytest.mark.parametrize("name", built_in())
def test_whole_leaves_no_product_outside_but_those_of_inputs(name: str):
    plan = make_plan(as_run(built_in()[name].graph))
    whole = fold(plan, whole=True)
    assert whole.epilogue == ()
    for instruction in whole.prologue:
        assert not isinstance(instruction, StackedProduct) or isinstance(plan.graph.nodes[instruction.operand], Read)


def test_one_product_with_several_matrices_is_one_of_each():
    @cell(gates="a b")
    def two(x: Input, h: State, *, W: Gates[Input], V: Matrix[Input], R: Matrix[State]) -> State:
        return tanh(W.a @ x + R @ h) * tanh(V @ x) + W.b @ x

    found = folded(two.graph)
    assert {(p.input, p.weight, len(p.names)) for p in found.products} == {("x", "W", 2), ("x", "V", 1)}
    assert not found.prologue


def test_what_is_read_outside_as_well_stays_behind():
    @cell
    def both(x: Input, h: State, *, W: Matrix[Input], V: Matrix[Input], C: Matrix[State]) -> tuple[State, Output]:
        return tanh(W @ x + h), C @ h + V @ x

    found = folded(both.graph)
    assert [p.weight for p in found.products] == ["W"]
    (stack,) = found.prologue
    assert isinstance(stack, StackedProduct)
    assert len(stack.matrices) == 1
