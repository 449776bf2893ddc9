"""A fed-back step is the step, its readout, and the mixture that it reads."""

from dataclasses import replace

import numpy as np
import pytest

from tests.random_cells import SIZES, numbers_for
from unspool.cells import built_in
from unspool.errors import CellError
from unspool.ir import StepGraph, check_graph, graph_from_json, graph_to_json, print_graph
from unspool.lang import Input, Matrix, State, cell, tanh
from unspool.passes import Draw, as_run, chained, fed_back
from unspool.testing.interpreter import step

GRAPHS = {name: graph for name, c in built_in().items() if not (graph := as_run(c.graph)).number_inputs}
"""The cells that read nothing but x."""
COLUMNS = {name: graph for name, graph in GRAPHS.items() if name != "lmu"}
"""Those that read x by matrices only, of which features and outputs have columns of their own."""


def test_it_reads():
    chain = chained(built_in()["elman"].graph, 1)
    assert print_graph(fed_back(chain, features=True, activation="tanh")).splitlines() == [
        "elman: x [I], teacher [O], alpha [], h_l0 [H], y [O] → h_l0 [H], y [O]; output [O]",
        "W_l0 [H, I]  W_l0_fed [H, O]  R_l0 [H, H]  b_l0 [H]  bR_l0 [H]  V [O, H]  c [O]",
        "  fed   = (1 − alpha) ∘ y + alpha ∘ teacher",
        "  h_l0' = tanh(W_l0 @ x + W_l0_fed @ fed + b_l0 + R_l0 @ h_l0 + bR_l0)",
        "  z     = V @ h_l0' + c",
        "  y'    = tanh(z)",
    ]
    assert print_graph(fed_back(chain, features=False, activation="sample", taught=False)).splitlines()[-4:] == [
        "  h_l0' = tanh(W_l0 @ y + b_l0 + R_l0 @ h_l0 + bR_l0)",
        "  z     = V @ h_l0' + c",
        "  v1    = z ∘ sharpness + noise",
        "  y'    = sign(v1 − largest(v1)) + 1",
    ]


def test_a_draw_reads_several_numbers_of_an_output_and_noise():
    draw = Draw(("place", "width"), ("e",), lambda b, raw, noise: b.apply(
        "add", raw["place"], b.apply("multiply", raw["width"], noise["e"])
    ))  # fmt: skip
    chain = chained(built_in()["elman"].graph, 1)
    fed = check_graph(fed_back(chain, features=True, activation=draw, taught=False))
    assert print_graph(fed).splitlines() == [
        "elman: x [I], e [O], h_l0 [H], y [O] → h_l0 [H], y [O]; output [O]",
        "W_l0 [H, I]  W_l0_fed [H, O]  R_l0 [H, H]  b_l0 [H]  bR_l0 [H]  V [2·O, H]  c [2·O]   gates place width",
        "  h_l0' = tanh(W_l0 @ x + W_l0_fed @ y + b_l0 + R_l0 @ h_l0 + bR_l0)",
        "  place = V.place @ h_l0' + c.place",
        "  width = V.width @ h_l0' + c.width",
        "  y'    = place + width ∘ e",
    ]
    assert graph_from_json(graph_to_json(fed)) == fed
    with pytest.raises(CellError, match="own 'h_l0'"):
        fed_back(chain, features=True, activation=replace(draw, noise=("h_l0",)), taught=False)


@pytest.mark.parametrize("graph", COLUMNS.values(), ids=COLUMNS.keys())
def test_the_step_is_the_cells_on_the_mixture(graph: StepGraph):
    fed = check_graph(fed_back(chained(graph, 1), features=True, activation="tanh"))
    assert graph_from_json(graph_to_json(fed)) == fed
    numbers = numbers_for(fed, 3, steps=1, batch=1, sizes=SIZES | {"O": 2})
    inputs = {name: v[0, 0] for name, v in numbers.inputs.items()} | {"alpha": np.array([0.3])}
    *states, y = [s[0] for s in numbers.initial]
    (x,) = graph.vector_inputs
    own: dict[str, np.ndarray] = {}
    for p in graph.parameters:
        own[p.name] = numbers.parameters[f"{p.name}_l0"]
        if f"{p.name}_l0_fed" in numbers.parameters:
            own[p.name] = np.concatenate([own[p.name], numbers.parameters[f"{p.name}_l0_fed"]], 1)
    read = np.concatenate([inputs[x.name], 0.7 * y + 0.3 * inputs["teacher"]])
    told, after = step(graph, {x.name: read}, states, own)
    expected = np.tanh(numbers.parameters["V"] @ told + numbers.parameters["c"])
    output, found = step(fed, inputs, [*states, y], numbers.parameters)
    for one, other in zip([output, *found], [expected, *after, expected], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-14)


def test_what_is_refused():
    @cell
    def own_names(x: Input, y: State, *, W: Matrix[Input]) -> State:
        return tanh(W @ x) + y

    @cell
    def of_a_function(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return h + W @ tanh(x)

    with pytest.raises(CellError, match="own 'y'"):
        fed_back(own_names.graph, features=False, activation="identity")
    with pytest.raises(CellError, match=r"another way than W @ x.*tanh"):
        fed_back(of_a_function.graph, features=True, activation="identity")
    fed_back(of_a_function.graph, features=False, activation="identity")
