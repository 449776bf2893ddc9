"""Layers as one step are the layers, each on what the one below tells."""

import numpy as np
import pytest

from tests.random_cells import numbers_for
from unspool.cells import built_in
from unspool.errors import CellError
from unspool.ir import StepGraph, check_graph, graph_from_json, graph_to_json, print_graph
from unspool.lang import Input, State, cell, tanh
from unspool.passes import as_run, chained
from unspool.testing.interpreter import step

GRAPHS = {name: as_run(c.graph) for name, c in built_in().items()}


def test_it_reads():
    assert print_graph(chained(built_in()["elman"].graph, 2)).splitlines() == [
        "elman: x [I], h_l0 [H], h_l1 [H] → h_l0 [H], h_l1 [H]; output [H]",
        "W_l0 [H, I]  R_l0 [H, H]  b_l0 [H]  bR_l0 [H]  W_l1 [H, H]  R_l1 [H, H]  b_l1 [H]  bR_l1 [H]",
        "  h_l0' = tanh(W_l0 @ x + b_l0 + R_l0 @ h_l0 + bR_l0)",
        "  h_l1' = tanh(W_l1 @ h_l0' + b_l1 + R_l1 @ h_l1 + bR_l1)",
    ]


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS.keys())
def test_the_step_is_that_of_layer_after_layer(graph: StepGraph, residual: bool):
    together = check_graph(chained(graph, 3, residual))
    assert graph_from_json(graph_to_json(together)) == together
    numbers = numbers_for(together, 3, steps=1, batch=1)
    inputs = {name: v[0, 0] for name, v in numbers.inputs.items()}
    (x,) = (v.name for v in graph.vector_inputs)
    states, below, expected = [s[0] for s in numbers.initial], inputs[x], []
    for layer in range(3):
        own = {p.name: numbers.parameters[f"{p.name}_l{layer}"] for p in graph.parameters}
        mine = states[layer * len(graph.states) : (layer + 1) * len(graph.states)]
        told, after = step(graph, inputs | {x: below}, mine, own)
        below = below + told if residual and layer else told
        expected += after
    output, after = step(together, inputs, states, numbers.parameters)
    for found, wanted in zip([output, *after], [below, *expected], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_page_of_two_inputs_is_refused():
    @cell
    def two(x: Input, u: Input, h: State) -> State:
        return tanh(h)

    with pytest.raises(CellError, match="the page has 2"):
        chained(two.graph, 2)
