"""The network: chunks are the whole, sizes fit, tied is tied."""

import pytest
import torch

from unspool.cells import find_cell
from unspool.errors import SettingError
from unspool.text.network import TextNetwork


@pytest.mark.parametrize("embedding", [0, 6])
@pytest.mark.parametrize("layers", [1, 2])
def test_chunks_are_the_whole(embedding: int, layers: int):
    torch.manual_seed(0)
    network = TextNetwork(find_cell("lstm"), 9, 8, layers, embedding=embedding).double().eval()
    tokens = torch.randint(9, (2, 20))
    whole, end = network(tokens)
    first, states = network(tokens[:, :7])
    second, last = network(tokens[:, 7:], states)
    torch.testing.assert_close(torch.cat((first, second), 1), whole)
    torch.testing.assert_close(last, end)


def test_dropout_is_for_training_only():
    torch.manual_seed(0)
    network = TextNetwork(find_cell("gru"), 5, 8, 2, dropout=0.5)
    tokens = torch.randint(5, (1, 10))
    assert not torch.equal(network(tokens)[0], network(tokens)[0])
    network.eval()
    assert torch.equal(network(tokens)[0], network(tokens)[0])


def test_a_tied_readout_is_the_embedding():
    network = TextNetwork(find_cell("gru"), 5, 8, embedding=8, tied=True)
    assert network.readout.weight is network.embedding.weight  # pyright: ignore[reportOptionalMemberAccess]
    with pytest.raises(SettingError, match="output's size, 8; it is 4"):
        TextNetwork(find_cell("gru"), 5, 8, embedding=4, tied=True)
    with pytest.raises(SettingError, match="it is 0"):
        TextNetwork(find_cell("gru"), 5, 8, tied=True)
