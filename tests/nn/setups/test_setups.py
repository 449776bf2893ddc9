"""Every setup reads and gives what it says, on ragged sequences as on each by itself."""

import doctest
import importlib
import pkgutil

import pytest
import torch
from torch import Tensor, nn

import unspool.nn.setups
from tests.nn.setups.loops import step_by_step
from unspool.dynamics.systems.system import as_system
from unspool.errors import SettingError
from unspool.nn import Recurrent
from unspool.nn.setups import (
    Attention,
    EncoderDecoder,
    FedBack,
    ManyToMany,
    ManyToOne,
    OneToMany,
    OneToOne,
    Pool,
    Pooling,
    exponential_decay,
    inverse_sigmoid_decay,
    linear_decay,
)

F64 = torch.float64
LENGTHS = torch.tensor([6, 1, 4])


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(unspool.nn.setups.__path__)])
def test_the_examples(name: str):
    module = importlib.import_module(f"unspool.nn.setups.{name}")
    names = {n: getattr(unspool.nn.setups, n) for n in unspool.nn.setups.__all__}
    failed, _ = doctest.testmod(module, extraglobs={"torch": torch, "Recurrent": Recurrent, **names})
    assert not failed


@pytest.mark.parametrize("pool", ["last", "mean", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_ragged_sequence_is_as_if_alone(pool: Pool, bidirectional: bool):
    torch.manual_seed(0)
    model = ManyToOne(Recurrent("gru", 2, 5, 2, bidirectional=bidirectional), 3, pool).double()
    x = some(3, 6, 2)
    together = model(x, LENGTHS)
    alone = torch.cat([model(x[i : i + 1, :n]) for i, n in enumerate(LENGTHS)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


def test_pools_by_hand():
    output = some(2, 3, 4)
    torch.testing.assert_close(Pooling("mean", 4)(output, torch.tensor([2, 3]))[0], output[0, :2].mean(0))
    both = Pooling("last", 4, 2)(output, torch.tensor([2, 3]))
    torch.testing.assert_close(both[0], torch.cat([output[0, 1, :2], output[0, 0, 2:]]))
    looks = Pooling("attention", 4).double()
    nn.init.zeros_(looks.score.weight)  # every step counts the same
    torch.testing.assert_close(looks(output), output.mean(1))
    with pytest.raises(SettingError, match="pool is 'first'"):
        Pooling("first", 4)  # pyright: ignore[reportArgumentType]


def test_one_to_one_is_a_feed_forward_layer():
    model = OneToOne(Recurrent("elman", 3, 5), 2).double()
    x = some(4, 3)
    of = model.recurrent.get_parameter
    hidden = torch.tanh(x @ of("W_l0").T + of("b_l0") + of("bR_l0"))
    torch.testing.assert_close(model(x), model.readout(hidden))


def test_many_to_many_tells_at_every_step():
    model = ManyToMany(Recurrent("lstm", 3, 5), 2).double()
    y, state = model(some(4, 6, 3))
    first, middle = model(some(4, 6, 3)[:, :2])
    second, last = model(some(4, 6, 3)[:, 2:], middle)
    torch.testing.assert_close(torch.cat([first, second], 1), y)
    torch.testing.assert_close(last, state)


def test_one_to_many_begins_at_the_vector():
    torch.manual_seed(0)
    model = OneToMany(4, FedBack(Recurrent("lstm", 2, 5, 2), 2)).double()
    v = some(3, 4)
    (h, c), y = model.initial_state(v)
    torch.testing.assert_close(h[1], torch.tanh(model.begin[0](v))[:, 5:])
    expected, _ = step_by_step(model.loop, None, None, 0.0, ((h, c), y), 4)
    torch.testing.assert_close(model(v, steps=4), expected)


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("encoder", ["same", "both directions"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_encoder_and_decoder(encoder: str, attention: bool, alpha: float):
    torch.manual_seed(0)
    reads = Recurrent("gru", 3, 5, bidirectional=encoder == "both directions")
    model = EncoderDecoder(reads, FedBack(Recurrent("gru", 2, 5), 2), attention=attention).double()
    assert model.hands_over == (encoder == "same")
    read, targets = some(3, 6, 3), some(3, 4, 2)
    told = model(read, targets, alpha=alpha, lengths=LENGTHS)
    alone = torch.cat([model(read[i : i + 1, :n], targets[i : i + 1], alpha=alpha) for i, n in enumerate(LENGTHS)])
    torch.testing.assert_close(told, alone, rtol=0, atol=1e-12)
    told.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_decoder_begins_where_the_encoder_ended():
    torch.manual_seed(0)
    read = some(3, 6, 3)
    same = EncoderDecoder(Recurrent("lstm", 3, 5, 2), FedBack(Recurrent("lstm", 3, 5, 2), 3)).double()
    for one, other in zip(same.encode(read, LENGTHS)[1][0], same.encoder(read, lengths=LENGTHS)[1], strict=True):
        assert torch.equal(one, other)
    model = EncoderDecoder(Recurrent("gru", 3, 5, bidirectional=True), FedBack(Recurrent("lstm", 2, 4, 2), 2)).double()
    memory, (states, y) = model.encode(read, LENGTHS)
    end = torch.cat([memory[range(3), LENGTHS - 1, :5], memory[:, 0, 5:]], -1)
    for bridge, state in zip(model.begin, states, strict=True):
        torch.testing.assert_close(state, torch.tanh(bridge(end)).view(3, 2, 4).transpose(0, 1))
    assert y.abs().max() == 0


def test_attention_taught_and_step_by_step_are_one():
    """With α = 1 all steps at once; with α a tensor of ones, step by step."""
    torch.manual_seed(0)
    model = EncoderDecoder(Recurrent("lstm", 3, 5), FedBack(Recurrent("lstm", 2, 5), 2), attention=True).double()
    read, targets = some(3, 6, 3), some(3, 4, 2)
    at_once, by_step = (model(read, targets, alpha=a) for a in (1.0, torch.ones(3, 4, dtype=F64)))
    torch.testing.assert_close(at_once, by_step, rtol=0, atol=1e-12)


def test_attention_by_hand():
    look = Attention(4, 3).double()
    queries, memory = some(1, 2, 4), some(1, 5, 3)
    weights = look.weights(queries, memory, torch.tensor([3]))
    scores = torch.einsum("q,qm,sm->s", queries[0, 1], look.match.weight, memory[0, :3])
    torch.testing.assert_close(weights[0, 1, :3], scores.softmax(0))
    assert weights[0, :, 3:].abs().max() == 0
    context = (weights[0, 1] @ memory[0])[None]
    expected = torch.tanh(torch.cat([context, queries[0, 1:]], -1) @ look.combine.weight.T)
    torch.testing.assert_close(look(queries, memory, torch.tensor([3]))[0, 1:], expected)


def test_residuals_add_what_a_layer_reads():
    torch.manual_seed(0)
    layer = Recurrent("gru", 3, 4, 3, residual=True).double()
    x, below = some(2, 5, 3), some(2, 5, 3)
    for number in range(3):
        alone = Recurrent("gru", below.shape[-1], 4).double()
        alone.load_state_dict(
            {k.replace(f"_l{number}", "_l0"): v for k, v in layer.state_dict().items() if k.endswith(f"_l{number}")}
        )
        told = alone(below)[0]
        below = below + told if number else told
    torch.testing.assert_close(layer(x)[0], below)
    with pytest.raises(SettingError, match="residuals"):
        as_system(layer)


def test_schedules_of_scheduled_sampling():
    assert [linear_decay(u, 10, 0.25) for u in (0, 4, 20)] == [1, 0.7, 0.25]
    assert exponential_decay(3, 0.5) == 0.125
    assert inverse_sigmoid_decay(0, 10.0) == pytest.approx(10 / 11)
    assert inverse_sigmoid_decay(23, 10.0) == pytest.approx(10 / (10 + 2.718281828459045**2.3))
    assert inverse_sigmoid_decay(10**9, 10.0) < 1e-300
