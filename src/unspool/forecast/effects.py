"""What holidays and covariates known in the future do to a series: taken off what is read, put on what is forecast.

    e(t) = V relu(U [z(t−R+1) … z(t)])          z: the covariates known in the future, R steps of them
    network reads y(t) − e(t); forecast(t+k) = what the network says + e(t+k)

A regression whose errors a recurrent network forecasts, both fitted together: as in a regression with ARIMA errors
(Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed. 2021, ch. 10), with a perceptron for the line.
Without it, an effect in the window's last value would be carried into every step of the horizon by the normalisation.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

REACH = 8
"""Steps of the covariates that one step's effect is read from: its own and the seven before."""

UNITS = 32


@final
class Effects(nn.Module):
    """[B, T, channels] → [B, T], in units of the series' scale; zero at first. Before the window the past is zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.read = nn.Conv1d(channels, UNITS, REACH)
        self.readout = nn.Linear(UNITS, 1, bias=False)
        nn.init.zeros_(self.readout.weight)

    def forward(self, known: Tensor) -> Tensor:
        """The effect at every step."""
        reached = functional.pad(known.transpose(1, 2), (REACH - 1, 0))
        return self.readout(torch.relu(self.read(reached)).transpose(1, 2))[..., 0]
