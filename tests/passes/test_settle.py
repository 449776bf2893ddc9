"""An input with a default is a constant where it is not given, and may be given."""

import pytest
import torch

from unspool.cells import built_in, find_cell
from unspool.errors import SettingError
from unspool.ir import graph_from_json, graph_to_json
from unspool.lang import Input, Matrix, PerStep, State, cell, tanh
from unspool.nn import Recurrent
from unspool.passes import settled

TIMED = [name for name, page in built_in().items() if any(v.default is not None for v in page.graph.inputs)]


@cell
def leaning(x: Input, h: State, dt: PerStep = 0.5, k: PerStep = 2.0, *, W: Matrix[Input]) -> State:
    return h + dt * (tanh(W @ x) - k * h)


def test_the_cells_of_differential_equations_take_time_steps():
    assert {"cornn", "ctrnn", "lem", "shunting"} <= set(TIMED)


def test_what_is_not_given_is_gone():
    graph = settled(leaning.graph)
    assert [v.name for v in graph.inputs] == ["x"]
    assert [v.name for v in settled(leaning.graph, frozenset({"k"})).inputs] == ["x", "k"]
    everything = settled(leaning.graph, frozenset({"dt", "k"}))
    assert everything is leaning.graph
    assert settled(find_cell("gru").graph) is find_cell("gru").graph


@pytest.mark.parametrize("name", [*TIMED, leaning])
def test_the_default_given_is_the_default_left_out(name):
    layer = Recurrent(name, 2, 4, sizes=dict.fromkeys(find_cell(name).graph.sizes - {"I", "H"}, 2)).double()
    x = torch.randn(3, 6, 2, dtype=torch.double)
    defaults = {v.name: torch.full((3, 6), v.default) for v in layer.cell.graph.inputs if v.default is not None}
    expected, _ = layer(x)
    found, _ = layer(x, per_step={name: value.double() for name, value in defaults.items()})
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


def test_one_may_be_given_and_the_other_left_out():
    layer = Recurrent(leaning, 2, 4).double()
    x, dt = torch.randn(3, 6, 2, dtype=torch.double), torch.rand(3, 6, dtype=torch.double)
    h, W = torch.zeros(3, 4, dtype=torch.double), layer.stored_parameters(0)["W"]
    for t in range(6):
        h = h + dt[:, t, None] * (torch.tanh(x[:, t] @ W.T) - 2 * h)
    torch.testing.assert_close(layer(x, per_step={"dt": dt})[0][:, -1], h, rtol=1e-13, atol=1e-13)


def test_an_unknown_one_is_said():
    layer = Recurrent("ctrnn", 2, 4)
    with pytest.raises(SettingError, match="per_step tau is not on the cell's page"):
        layer(torch.zeros(1, 2, 2), per_step={"tau": torch.ones(1, 2)})


def test_the_gradient_reaches_time_steps():
    layer = Recurrent("lem", 2, 3).double()
    x, dt = torch.randn(1, 4, 2, dtype=torch.double), torch.rand(1, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: layer(x, per_step={"dt": d})[0], (dt,))


def test_defaults_survive_json():
    assert graph_from_json(graph_to_json(leaning.graph)) == leaning.graph
