"""A network that has learned the 3-bit flip-flop, for the tests of this folder."""

import itertools

import torch
from torch import Tensor, nn

from unspool.nn import Recurrent
from unspool.tasks import flip_flop
from unspool.train import TrainSettings, fit


def flip_flop_layer(cell: str, hidden_size: int, *, steps: int, seed: int = 0) -> tuple[Recurrent, nn.Linear, float]:
    """The layer, its readout and the validation loss after `steps` steps of training."""
    torch.manual_seed(seed)
    model = nn.ModuleDict({"layer": Recurrent(cell, 3, hidden_size), "readout": nn.Linear(hidden_size, 3)})
    layer, readout = model["layer"], model["readout"]
    assert isinstance(layer, Recurrent)
    assert isinstance(readout, nn.Linear)

    def loss(_: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return (readout(layer(batch[0])[0]) - batch[1]).square().mean()

    valid = flip_flop(256, 40, seed=10**6)
    settings = TrainSettings(steps=steps, learning_rate=2e-2, weight_decay=0.0)
    batches = (flip_flop(64, 40, seed=k) for k in itertools.count())
    fitted = fit(model, batches, loss, lambda _: float(loss(model, valid)), settings)
    return layer, readout, fitted.best_loss
