"""`onward`: the window is read step by step, and the recurrence runs on through the horizon, where no value is read.

    state(t) = the cell over x(t−L+1) … x(t), then over the calendar alone at t+1 … t+H
    forecast(t+k) = V · [state(t+k), state(t)]

With state(t), a cell that forgets fast still lets the newest observation move every step of the forecast. This is the
one network that needs no equal steps: where time is uneven, the cell reads the time since the step before at every step
of the window and of the horizon, so a forecast can be made for any times after the cutoff.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.networks.recurrence import recurrence
from unspool.forecast.timed import TIME
from unspool.nn.setups import Diagram


@final
class Onward(nn.Module):
    """[B, L] → [B, H, outputs]. Cost: L + H recurrent steps."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.horizon = plan.horizon
        self.layer = recurrence(plan, 2 + plan.features + plan.past_only)
        self.identity_size = self.layer.output_size
        self.dropout = nn.Dropout(plan.dropout)
        self.readout = nn.Linear(2 * self.layer.output_size, plan.outputs)

    def forward(self, reading: Reading) -> Tensor:
        """Features per step of the horizon."""
        values = functional.pad(torch.stack([reading.past, reading.mask], -1), (0, 0, 0, self.horizon))
        x = torch.cat([values, torch.cat([reading.calendar_past, reading.calendar_future], 1)], -1)
        if reading.past_only is not None:
            x = torch.cat([x, functional.pad(reading.past_only, (0, 0, 0, self.horizon))], -1)
        output, _ = self.layer(x, per_step=None if reading.dt is None else {TIME: reading.dt})
        states = output[:, -self.horizon - 1 :] + reading.identity[:, None]
        here = states[:, :1].expand(-1, self.horizon, -1)
        return self.readout(self.dropout(torch.cat([states[:, 1:], here], -1)))

    def diagram(self) -> Diagram:
        """How it is drawn."""
        encoder = Diagram("a window in", self.layer, gives="none", steps=3)
        return Diagram("a window in, the horizon step by step", self.layer, steps=3, encoder=encoder)
