"""What a bias is, is read off the graph."""

import pytest

from unspool.cells import built_in
from unspool.errors import CellError
from unspool.ir import print_graph
from unspool.lang import (
    Gates,
    Input,
    Matrix,
    PerStep,
    State,
    Vector,
    cell,
    largest,
    maximum,
    mean,
    sigmoid,
    tanh,
    total,
)
from unspool.passes import bias_names, without_biases


@pytest.mark.parametrize("name", built_in())
def test_every_pages_biases(name: str):
    graph = built_in()[name].graph
    names = {p.name for p in graph.parameters}
    biases = {p.name for p in graph.parameters if p.name.startswith("b") and not p.fixed}
    biases |= {"c"} if name in ("cfc", "jordan") else set()  # those of a second layer
    assert bias_names(graph) == biases
    assert {p.name for p in without_biases(graph).parameters} == names - biases


def test_the_gru_without():
    assert print_graph(without_biases(built_in()["gru"].graph)).splitlines()[1:] == [
        "W [3·H, I]  R [3·H, H]   gates r z n",
        "  r  = σ(W.r @ x + R.r @ h)",
        "  z  = σ(W.z @ x + R.z @ h)",
        "  n  = tanh(W.n @ x + r ∘ (R.n @ h))",
        "  h' = (1 − z) ∘ n + z ∘ h",
    ]


def test_a_vector_that_is_multiplied_is_none():
    @cell
    def peephole(x: Input, h: State, *, W: Matrix[Input], p: Vector, b: Vector) -> State:
        return tanh(W @ x + p * h + b)

    assert bias_names(peephole.graph) == {"b"}


def test_a_vector_that_is_added_here_and_used_there_is_none():
    @cell(gates="a b")
    def decay(x: Input, h: State, *, W: Matrix[Input], d: Gates) -> State:
        return tanh(W @ x + d.a) + sigmoid(d.b) * h

    assert bias_names(decay.graph) == set()
    assert without_biases(decay.graph) == decay.graph


def test_a_vector_that_is_the_next_state_is_none():
    @cell
    def constant(x: Input, h: State, *, b: Vector) -> State:
        return b

    assert without_biases(constant.graph) == constant.graph


def test_a_vector_that_alone_feeds_a_reduction_or_a_product_is_none():
    @cell
    def reduced(
        x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector, d: Vector, e: Vector, f: Vector, k: Vector
    ) -> State:
        return tanh(W @ x + h + b) + total(d + e) + largest(f) + mean(W @ x + b) + R @ (k + 1)

    assert bias_names(reduced.graph) == {"b"}
    assert {p.name for p in without_biases(reduced.graph).parameters} == {"W", "R", "d", "e", "f", "k"}


def test_a_bias_beside_a_number_per_step_is_still_needed_as_a_vector():
    @cell
    def shifted(x: Input, dt: PerStep, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector) -> State:
        return tanh(W @ x + R @ (b + dt) + h)

    assert bias_names(shifted.graph) == set()


def test_a_state_made_of_biases_only_cannot_do_without():
    @cell
    def only(x: Input, h: State, *, b: Vector, d: Vector) -> State:
        return b + d

    with pytest.raises(CellError, match="the next h is not a vector"):
        without_biases(only.graph)


def test_a_function_of_biases_becomes_a_number():
    @cell
    def floor(x: Input, h: State, *, W: Matrix[Input], b: Vector, d: Vector) -> State:
        return maximum(b + d, W @ x + h)

    assert print_graph(without_biases(floor.graph)).splitlines()[-1] == "  h' = max(0, W @ x + h)"
