"""What a page keeps of a state is found where it is there, and only there."""

import pytest

from unspool.cells import built_in, find_cell
from unspool.ir import check_graph
from unspool.lang import Input, Matrix, State, Vector, cell, sigmoid, tanh
from unspool.passes import as_run
from unspool.passes.retention import Gate, Retention, retentions


def of(name: str, state: str) -> Retention:
    return next(r for r in retentions(as_run(find_cell(name).graph)) if r and r.state == state)


def bias_names(gate: Gate | None) -> list[str]:
    assert gate is not None
    return [b.name if b.gate is None else f"{b.name}.{b.gate}" for b in gate.biases]


def test_an_lstm_keeps_by_f_and_writes_by_i():
    found = of("lstm", "c")
    assert found.text == "f"
    assert (found.keep and found.keep.opens, bias_names(found.keep)) == (1, ["b.f", "bR.f"])
    assert bias_names(found.write) == ["b.i", "bR.i"]


@pytest.mark.parametrize(("name", "opens"), [("gru", 1), ("mingru", -1), ("leaky", -1), ("lem", None)])
def test_a_coupled_gate_writes_what_it_does_not_keep(name: str, opens: int | None):
    found = next(r for r in retentions(as_run(find_cell(name).graph)) if r)
    assert found.keep is not None
    assert found.keep.opens == (-1 if opens is None else opens)
    assert found.write is None


def test_an_elman_network_keeps_nothing_directly():
    assert retentions(find_cell("elman").graph) == (None,)


@pytest.mark.parametrize("name", built_in())
def test_the_factor_is_the_output_of_a_step_that_can_run(name: str):
    for found in retentions(as_run(built_in()[name].graph)):
        if found:
            state = next(s for s in found.step.states if s.name == found.state)
            assert check_graph(found.step).nodes[found.step.output].shape == state.shape


def test_terms_are_put_together():
    @cell
    def many(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], a: Vector, b: Vector) -> State:
        z = sigmoid(W @ x + b)
        return tanh(R @ h) - (h * a - z * h) / 2 + 0.5 * h

    (found,) = retentions(many.graph)
    assert found is not None
    assert found.text == "−((a − z) / 2) + 0.5"
    assert found.keep is None
    assert found.write is None


def test_a_square_of_the_state_is_not_a_factor():
    @cell
    def square(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return h * h + W @ x

    assert retentions(square.graph) == (None,)
