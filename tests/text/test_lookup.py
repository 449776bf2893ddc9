"""A lookup of columns is a product with a one-hot vector."""

import pytest
import torch

from unspool.cells import find_cell
from unspool.lang import Gates, Input, State, cell, sigmoid
from unspool.nn import Recurrent
from unspool.text.lookup import lookup
from unspool.text.network import TextNetwork


@cell(gates="i o")
def mixed(x: Input, h: State, *, W: Gates[Input], R: Gates[State]) -> State:
    return sigmoid(W.i @ x + R.i @ h) + sigmoid(W.o @ (x * x) + R.o @ h)


@pytest.mark.parametrize("name", ["lstm", "gru_reset_before", "mingru", "lem"])
def test_outputs_states_and_gradients_are_those_of_one_hot_inputs(name: str):
    torch.manual_seed(0)
    network = TextNetwork(find_cell(name), symbols=7, hidden_size=5, num_layers=2).double()
    assert network.columns is not None
    tokens = torch.randint(7, (3, 9))
    states = tuple(torch.randn_like(s) for s in network.rest(3))
    output, after = network.outputs(tokens, states)
    dense, dense_after = network.recurrent(torch.nn.functional.one_hot(tokens, 7).double(), states)
    torch.testing.assert_close(output, dense)
    torch.testing.assert_close(after, dense_after)
    weights = list(network.recurrent.parameters())
    probe = torch.randn_like(output)
    found = torch.autograd.grad((output * probe).sum(), weights)
    expected = torch.autograd.grad((dense * probe).sum(), weights)
    torch.testing.assert_close(found, expected)


def test_nothing_is_multiplied_with_the_input():
    found = lookup(find_cell("lstm").graph)
    assert found is not None
    assert [v.name for v in found.graph.inputs] == ["Wx_i", "Wx_f", "Wx_g", "Wx_o"]
    assert "W" not in {p.name for p in found.graph.parameters}


def test_a_cell_that_reads_x_otherwise_multiplies():
    assert lookup(mixed.graph) is None
    torch.manual_seed(0)
    network = TextNetwork(mixed, symbols=4, hidden_size=3)
    tokens = torch.randint(4, (2, 6))
    layer = network.recurrent
    assert isinstance(layer, Recurrent)
    dense, _ = layer(torch.nn.functional.one_hot(tokens, 4).float())
    torch.testing.assert_close(network.outputs(tokens)[0], dense)
