"""Recurrent dropout and zoneout: the step written out with its masks, and nothing of them after training."""

import pytest
import torch
from torch import Tensor

from tests.kinds import KINDS
from unspool.cells import find_cell
from unspool.errors import CellError, SettingError
from unspool.nn import Recurrent
from unspool.nn.setups import FedBack


def layer_of(name: str, **settings) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(name, 3, 4, sizes=dict.fromkeys(find_cell(name).graph.sizes - {"I", "H"}, 2), **settings).double()


def recorded(layer: Recurrent, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, list[Tensor]]:
    """The output in training, and the masks that were drawn, in order."""
    drawn: list[Tensor] = []
    bernoulli = torch.bernoulli

    def draw(probabilities: Tensor) -> Tensor:
        drawn.append(bernoulli(probabilities))
        return drawn[-1]

    monkeypatch.setattr(torch, "bernoulli", draw)
    return layer.train()(x)[0], drawn


def test_an_lstm_with_both_is_the_lstm_written_out(monkeypatch: pytest.MonkeyPatch):
    layer = layer_of("lstm", recurrent_dropout=0.4, zoneout={"c": 0.5, "h": 0.1})
    x = torch.randn(5, 7, 3, dtype=torch.double)
    found, (zone_h, zone_c, drop) = recorded(layer, x, monkeypatch)
    assert drop.shape == (5, 4)
    assert zone_h.shape == zone_c.shape == (7, 5, 4)
    p = layer.stored_parameters(0)
    h = c = torch.zeros(5, 4, dtype=torch.double)
    for t in range(7):
        i, f, g, o = (x[:, t] @ p["W"].T + p["b"] + (h * drop / 0.6) @ p["R"].T + p["bR"]).chunk(4, -1)
        new = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = zone_h[t] * h + (1 - zone_h[t]) * o.sigmoid() * new.tanh()
        c = zone_c[t] * c + (1 - zone_c[t]) * new
        torch.testing.assert_close(found[:, t], h, rtol=1e-12, atol=1e-12)


def test_after_training_zoneout_is_its_mean_and_dropout_is_gone():
    layer, plain = layer_of("gru", recurrent_dropout=0.4, zoneout=0.3).eval(), layer_of("gru")
    x, h = torch.randn(2, 6, 3, dtype=torch.double), torch.zeros(1, 2, 4, dtype=torch.double)
    output, _ = layer(x)
    for t in range(6):
        _, (new,) = plain(x[:, t : t + 1], h)
        h = 0.3 * h + 0.7 * new
        torch.testing.assert_close(output[:, t], h[0], rtol=1e-12, atol=1e-12)
    assert torch.equal(layer(x)[0], output)


@pytest.mark.parametrize("name", KINDS)
def test_any_cell_compiled_is_any_cell_in_torch(name: str, monkeypatch: pytest.MonkeyPatch):
    """Values and gradients of zoneout on every state, in training and after it."""
    layer = layer_of(name, zoneout=0.3)
    x = torch.randn(2, 5, 3, dtype=torch.double)
    for training in (True, False):
        results = []
        for backend in ("reference", "llvm"):
            monkeypatch.setenv("UNSPOOL_BACKEND", backend)
            torch.manual_seed(1)
            output, final = layer.train(training)(x)
            loss = output.square().sum() + sum(f.sin().sum() for f in final)
            learned = list(layer.parameters())
            found = torch.autograd.grad(loss, learned, allow_unused=True) if learned else ()
            results.append((output, *found))
        for found, expected in zip(*results, strict=True):
            assert (found is None) == (expected is None)
            if found is not None:
                torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


def test_a_dropout_mask_is_one_for_all_steps_and_another_for_each_layer(monkeypatch: pytest.MonkeyPatch):
    layer = layer_of("elman", num_layers=2, bidirectional=True, recurrent_dropout=0.5)
    _, drawn = recorded(layer, torch.randn(64, 9, 3, dtype=torch.double), monkeypatch)
    assert [tuple(d.shape) for d in drawn] == [(64, 4)] * 4
    assert len({d.numpy().tobytes() for d in drawn}) == 4


def test_checkpoints_see_the_same_masks():
    x, gradients = torch.randn(2, 12, 3, dtype=torch.double), []
    for every in (None, 5):
        layer = layer_of("lstm", recurrent_dropout=0.4, zoneout=0.2, checkpoint_every=every)
        torch.manual_seed(3)
        gradients.append(torch.autograd.grad(layer(x)[0].square().sum(), list(layer.parameters())))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_what_there_is_to_mask_and_what_not():
    assert "recurrent_dropout=0.2, zoneout=0.1" in repr(layer_of("gru", recurrent_dropout=0.2, zoneout=0.1))
    with pytest.raises(CellError, match="mingru: no matrix multiplies its state"):
        layer_of("mingru", recurrent_dropout=0.2)
    with pytest.raises(SettingError, match="zoneout on 'z', which is no state of it"):
        layer_of("lstm", zoneout={"z": 0.1})
    with pytest.raises(SettingError, match=r"zoneout of h is 1\.0"):
        layer_of("lstm", zoneout=1.0)
    with pytest.raises(SettingError, match=r"recurrent_dropout is -0\.1"):
        layer_of("lstm", recurrent_dropout=-0.1)
    with pytest.raises(SettingError, match="a fed-back run does not draw"):
        FedBack(layer_of("gru", zoneout=0.1), 1)
