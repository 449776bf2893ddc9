"""A run that goes blind is seen."""

import logging
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from unspool.dynamics.gradients.monitor import HorizonMonitor
from unspool.nn import RNN
from unspool.train import Epoch, Fitted, TrainSettings, fit

PROBE = torch.randn(2, 40, 2, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.recurrence = RNN(2, 4)
        nn.init.eye_(self.recurrence.get_parameter("weight_hh_l0"))

    def forward(self, x: Tensor) -> Tensor:
        return self.recurrence(x)[0]


def epoch(number: int) -> Epoch:
    return Epoch(number, 1.0, 1.0, 1.0, 0.0)


def test_a_run_that_forgets_is_warned_of_once(caplog: pytest.LogCaptureFixture):
    """Weight decay, with no loss to hold against it, takes the recurrent weights to zero."""

    def batches() -> Iterator[None]:
        while True:
            yield None

    def nothing(module: nn.Module, batch: None) -> Tensor:
        return torch.stack([p.sum() for p in module.parameters()]).sum() * 0

    monitor = HorizonMonitor(PROBE, needed=10, layer="recurrence")
    settings = TrainSettings(steps=50, learning_rate=0.3, weight_decay=0.1, validations=5, patience=9)
    fit(Network(), batches(), nothing, lambda module: 1.0, settings, callbacks=[monitor])
    assert [number for number, _ in monitor.history] == [1, 2, 3, 4, 5]
    horizons = [found.horizon for _, found in monitor.history if found]
    reached = [40 if horizon is None else horizon for horizon in horizons]
    assert reached == sorted(reached, reverse=True)
    assert reached[0] > 10 > reached[-1]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("unspool", logging.WARNING)
    assert f"gradients reach {next(r for r in reached if r < 10)} steps back, and the task needs 10" in record.message


def test_a_new_fit_begins_a_new_history(caplog: pytest.LogCaptureFixture):
    torch.manual_seed(0)
    layer = RNN(2, 3)
    monitor = HorizonMonitor(PROBE, needed=40, longest=20)
    for _ in range(2):
        monitor.on_start("training", 1)
        monitor.on_epoch(layer, epoch(1))
        monitor.on_step(1, 0.0)
        monitor.on_end(Fitted((), 0, "finished", 0.0))
        assert len(monitor.history) == 1
    assert len(caplog.records) == 2


def test_states_that_explode_are_no_reason_to_stop(caplog: pytest.LogCaptureFixture):
    layer = RNN(2, 3, nonlinearity="relu")
    nn.init.constant_(layer.get_parameter("weight_hh_l0"), 1e30)
    monitor = HorizonMonitor(PROBE, needed=10)
    monitor.on_epoch(layer, epoch(1))
    assert monitor.history == [(1, None)]
    assert "leaves the finite numbers" in caplog.text


def test_a_layer_that_is_not_there():
    with pytest.raises(AttributeError, match="encoder"):
        HorizonMonitor(PROBE, needed=10, layer="encoder").on_epoch(Network(), epoch(1))
