"""`direct`: the window is read step by step, and the whole horizon comes from the last state.

    state = the cell over x(t−L+1) … x(t)
    forecast = V · state + the future calendar

The newest observation is the last input, so it moves every step of the forecast.
"""

from typing import final

import torch
from torch import Tensor, nn

from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.networks.recurrence import recurrence
from unspool.nn.setups import Diagram


@final
class Direct(nn.Module):
    """[B, L] → [B, H, outputs]. Cost: L recurrent steps."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.horizon = plan.horizon
        self.layer = recurrence(plan, 2 + plan.features + plan.past_only)
        self.identity_size = self.layer.output_size
        self.calendar = nn.Linear(plan.features, plan.outputs, bias=False) if plan.features else None
        self.dropout = nn.Dropout(plan.dropout)
        self.readout = nn.Linear(self.layer.output_size, plan.horizon * plan.outputs)

    def forward(self, reading: Reading) -> Tensor:
        """Features per step of the horizon."""
        x = torch.cat([reading.past[..., None], reading.mask[..., None], *reading.beside_past()], -1)
        output, _ = self.layer(x)
        state = self.dropout(output[:, -1] + reading.identity)
        forecast = self.readout(state).unflatten(1, (self.horizon, -1))
        return forecast if self.calendar is None else forecast + self.calendar(reading.calendar_future)

    def diagram(self) -> Diagram:
        """How it is drawn."""
        return Diagram("a window in, the whole horizon out", self.layer, gives="last")
