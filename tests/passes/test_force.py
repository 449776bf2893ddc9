"""A forced cell is the cell, told where its state should be."""

import numpy as np
import pytest

from tests.random_cells import numbers_for
from unspool.cells import built_in
from unspool.errors import CellError
from unspool.ir import StepGraph, check_graph, graph_from_json, graph_to_json, print_graph
from unspool.lang import Input, Matrix, Output, PerStep, State, cell, tanh
from unspool.passes import as_run, forced
from unspool.testing.interpreter import step

GRAPHS = {name: graph for name, c in built_in().items() if not (graph := as_run(c.graph)).number_inputs}
TELLING = {name: graph for name, graph in GRAPHS.items() if graph.output == graph.next_states[0]}
"""Those whose output is their first state."""


def test_it_reads():
    assert print_graph(forced(built_in()["shallow_plrnn"].graph)).splitlines() == [
        "shallow_plrnn: x [I], teacher [H], alpha [H], z [H] → z [H]",
        "A [H]  W1 [H, P]  W2 [P, H]  b1 [H]  b2 [P]  C [H, I]",
        "  v1 = (1 − alpha) ∘ z + alpha ∘ teacher",
        "  z' = A ∘ v1 + W1 @ relu(W2 @ v1 + b2) + b1 + C @ x",
    ]


@pytest.mark.parametrize("graph", TELLING.values(), ids=TELLING.keys())
def test_the_step_is_the_cells_from_a_mixed_state(graph: StepGraph):
    after = check_graph(forced(graph))
    numbers = numbers_for(after, 3, steps=1, batch=1)
    inputs = {name: v[0, 0] for name, v in numbers.inputs.items()}
    teacher, alpha = inputs["teacher"], np.linspace(0, 1, len(inputs["teacher"]))
    first, *others = [s[0] for s in numbers.initial]
    expected = step(graph, inputs, [(1 - alpha) * first + alpha * teacher, *others], numbers.parameters)
    output, states = step(after, inputs | {"alpha": alpha}, [first, *others], numbers.parameters)
    for a, b in zip([output, *states], [expected[0], *expected[1]], strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_forcing_every_bit_is_the_cells():
    graph = built_in()["lstm"].graph
    after = forced(graph)
    numbers = numbers_for(after, 4, steps=1, batch=1)
    inputs = {name: v[0, 0] for name, v in numbers.inputs.items()}
    states = [s[0] for s in numbers.initial]
    expected = step(graph, inputs, states, numbers.parameters)
    found = step(after, inputs | {"alpha": np.zeros(6)}, states, numbers.parameters)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_it_is_a_graph_like_any_other():
    after = forced(built_in()["gru"].graph)
    assert graph_from_json(graph_to_json(after)) == after
    assert after.parameters == built_in()["gru"].graph.parameters


def test_a_cell_whose_output_is_another_value_is_refused():
    @cell
    def readout(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> tuple[State, Output]:
        h = tanh(W @ x + R @ h)
        return h, 2 * h

    with pytest.raises(CellError, match="its output is not its state h"):
        forced(readout.graph)


def test_a_page_with_an_input_of_the_same_name_is_refused():
    @cell
    def blend(x: Input, alpha: PerStep, h: State, *, W: Matrix[Input]) -> State:
        return alpha * h + W @ x

    with pytest.raises(CellError, match="its own 'alpha'"):
        forced(blend.graph)
    with pytest.raises(CellError, match="has its own"):
        forced(forced(built_in()["gru"].graph))
