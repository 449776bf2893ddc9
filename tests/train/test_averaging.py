"""The averages are the formulas, they are what is validated and kept; accumulated batches are one large one."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.train import samples
from unspool.train import TrainSettings, fit
from unspool.train.averaging import Averaging


def weights_at(steps: int, settings: TrainSettings) -> list[Tensor]:
    """What the average holds after each step, of a module whose weight is its step's number squared."""
    module = nn.Linear(1, 1, bias=False)
    averaging, found = Averaging(module, settings), []
    for step in range(1, steps + 1):
        with torch.no_grad():
            module.weight.fill_(step**2)
        averaging.update(module, step)
        found.append(next(averaging.of(module).parameters()).detach().clone())
    return found


def test_ema_is_its_formula():
    found = weights_at(6, TrainSettings(averaging="ema", ema_decay=0.7))
    expected = 1.0
    for step in range(2, 7):
        expected = 0.7 * expected + 0.3 * step**2
        assert float(found[step - 1]) == pytest.approx(expected, rel=1e-6)


def test_swa_is_the_mean_from_its_start_on():
    found = weights_at(8, TrainSettings(steps=8, averaging="swa", swa_start=0.5))
    assert [float(w) for w in found[:4]] == [1, 4, 9, 16]  # the weights themselves
    for step in range(5, 9):
        assert float(found[step - 1]) == pytest.approx(sum(k**2 for k in range(5, step + 1)) / (step - 4), rel=1e-6)


@pytest.mark.parametrize("averaging", ["ema", "swa"])
def test_the_average_is_validated_and_kept(averaging: Any):
    """Plain SGD on a parabola that is thrown to and fro: the average lies in its middle, the weights do not."""
    module = nn.Linear(1, 1, bias=False)

    def loss(module: nn.Module, batch: int) -> Tensor:
        return (module(torch.ones(1, 1)) - (1 if batch % 2 else -1)).square().sum()

    settings = TrainSettings(
        steps=40, learning_rate=0.4, weight_decay=0.0, clip=1e9, patience=99, validations=2, optimizer="SGD",
        schedule="constant", averaging=averaging, ema_decay=0.9, swa_start=0.25,
    )  # fmt: skip
    seen: list[float] = []

    def validate(module: Any) -> float:
        seen.append(module.weight.item())
        return -len(seen)

    fitted = fit(module, iter(range(99)), loss, validate, settings)
    assert fitted.best == 2
    assert abs(seen[-1]) < 0.2
    assert module.weight.item() == seen[-1]
    plain = nn.Linear(1, 1, bias=False)
    fit(plain, iter(range(99)), loss, validate, TrainSettings(**{**vars(settings), "averaging": "none"}))
    assert abs(plain.weight.item()) > 0.5


@pytest.mark.parametrize("accumulate", [2, 4])
def test_accumulated_batches_are_one_large_one(accumulate: int):
    def trained(parts: int) -> dict[str, Tensor]:
        module = samples.network(dropout=0.0)
        big = samples.waves(8, 12)
        pieces = iter([big[k::parts] for _ in range(10) for k in range(parts)])
        settings = TrainSettings(steps=10, validations=2, accumulate=parts, optimizer="SGD")
        fitted = fit(module, pieces, samples.plain_loss, samples.judge, settings)
        losses.append(fitted.epochs[0].train_loss)
        return module.state_dict()

    losses: list[float] = []
    torch.testing.assert_close(trained(accumulate), trained(1), rtol=1e-5, atol=1e-6)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
