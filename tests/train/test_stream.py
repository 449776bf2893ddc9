"""Chunks of a stream laid end to end are the sequence, and a state carried through them is that of the whole."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.train.samples import waves
from unspool.errors import SettingError, ShapeError
from unspool.nn import Recurrent
from unspool.train import Carried, Resumable, Stream, TrainSettings, fit, parallel_rows
from unspool.train.nested import tensors_of


@pytest.mark.parametrize("chunk", [1, 4, 7, 19, 20, 99])
def test_chunks_are_the_sequence(chunk: int):
    sequences = torch.arange(3 * 20).view(3, 20)
    stream = Stream(sequences, chunk)
    for _ in range(2):  # without end
        chunks = [next(stream) for _ in range(stream.chunks)]
        assert torch.equal(torch.cat([c.x for c in chunks], 1), sequences[:, :-1])
        assert torch.equal(torch.cat([c.y for c in chunks], 1), sequences[:, 1:])
        assert [c.is_first for c in chunks] == [True] + [False] * (len(chunks) - 1)


def test_targets_of_their_own():
    x, y = torch.randn(2, 9, 3), torch.randn(2, 9)
    chunks = [next(stream) for stream in [Stream(x, 4, y)] for _ in range(3)]
    assert torch.equal(torch.cat([c.x for c in chunks], 1), x)
    assert torch.equal(torch.cat([c.y for c in chunks], 1), y)


@pytest.mark.parametrize("drawn", range(7))
def test_a_stream_goes_on_where_it_was(drawn: int):
    one, other = Stream(waves(steps=20), 7), Stream(waves(steps=20), 7)
    for _ in range(drawn):
        next(one)
    other.load_state_dict(one.state_dict())
    for _ in range(5):
        a, b = next(one), next(other)
        assert torch.equal(a.x, b.x)
        assert a.is_first == b.is_first


@pytest.mark.parametrize("chunk", [1, 5, 11])
def test_carried_states_are_those_of_the_whole(chunk: int):
    torch.manual_seed(0)
    layer = Recurrent("lstm", 2, 5)
    sequences = waves(steps=34)
    whole, finals = layer(sequences[:, :-1])
    outputs: list[Tensor] = []

    def step(module: nn.Module, batch: Any, states: Any) -> tuple[Tensor, Any]:
        output, states = module(batch.x, states)
        outputs.append(output)
        return output.sum(), states

    loss, stream = Carried(step), Stream(sequences, chunk)
    for _ in range(stream.chunks):
        loss(layer, next(stream))
    torch.testing.assert_close(torch.cat(outputs, 1), whole)
    torch.testing.assert_close(loss.states, finals)
    outputs.clear()
    loss(layer, next(stream))  # the sequences begin anew, and the state with them
    torch.testing.assert_close(outputs[0], whole[:, :chunk])


def test_gradients_end_at_the_chunk():
    layer = Recurrent("gru", 2, 5)
    loss = Carried(lambda m, b, s: (lambda out, states: (out.sum(), states))(*m(b.x, s)))
    stream = Stream(waves(steps=20), 5)
    for _ in range(3):
        loss(layer, next(stream))
        assert all(state.grad_fn is None for state in tensors_of(loss.states))
        assert list(tensors_of(loss.states))


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.head = Recurrent("gru", 2, 16), nn.Linear(16, 1)

    def forward(self, x: Tensor, states: Any) -> tuple[Tensor, Any]:
        output, states = self.recurrent(x, states)
        return self.head(output), states


def test_it_learns_what_only_a_carried_state_knows():
    """Each row repeats its own first value; only the first chunk shows it."""
    torch.manual_seed(0)
    value = torch.randn(16, 1, 1)
    x = torch.zeros(16, 12, 2)
    x[:, 0, :1], x[:, 0, 1:] = value[:, 0], 1
    y = value.expand(16, 12, 1)

    def step(module: nn.Module, batch: Any, states: Any) -> tuple[Tensor, Any]:
        prediction, states = module(batch.x, states)
        return (prediction - batch.y).square().mean(), states

    def lost(module: nn.Module) -> float:
        return float(step(module, next(Stream(x, 12, y)), None)[0])

    settings = TrainSettings(steps=400, learning_rate=0.01, weight_decay=0.0, validations=4, patience=9)
    fitted = fit(Reader(), Stream(x, 4, y), Carried(step), lost, settings)
    assert fitted.best_loss < 0.1 * float(value.square().mean())


def test_they_are_resumable():
    stream, loss = Stream(torch.zeros(1, 3), 1), Carried(lambda m, b, s: (torch.zeros(()), s))
    assert isinstance(stream, Resumable)
    assert isinstance(loss, Resumable)
    loss.states = {"h": (torch.zeros(2),)}
    state = loss.state_dict()
    loss.states["h"][0].add_(1)
    assert torch.equal(state["states"]["h"][0], torch.zeros(2))  # a copy of its own


def test_parallel_rows():
    assert parallel_rows(torch.arange(11), 3).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert parallel_rows(torch.zeros(11, 4), 2).shape == (2, 5, 4)
    for rows in (0, 12):
        with pytest.raises(SettingError, match=f"rows is {rows}"):
            parallel_rows(torch.arange(11), rows)


def test_bad_streams_are_refused():
    with pytest.raises(SettingError, match="chunk is 0"):
        Stream(torch.zeros(1, 3), 0)
    for bad in (torch.zeros(5), torch.zeros(2, 1), torch.zeros(0, 5)):
        with pytest.raises(ShapeError, match=r"sequences are \["):
            Stream(bad, 2)
    with pytest.raises(ShapeError, match=r"targets are \[2, 4\]; expected \[B=2, T_total=5"):
        Stream(torch.zeros(2, 5), 2, torch.zeros(2, 4))
    with pytest.raises(ShapeError, match="was at step 8; its sequences now have 4"):
        Stream(torch.zeros(2, 5), 2).load_state_dict({"next": 8})
