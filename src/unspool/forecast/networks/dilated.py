"""`dilated`: the window is read step by step by a stack of layers, the k-th of which looks d_k steps back.

    state = the last output of the stack over x(t−L+1) … x(t); layer k: h(t) = cell(x(t), h(t − d_k))
    forecast = V · state + the future calendar

Chang et al. 2017, arXiv:1710.02224, as the global part of Smyl 2020 (DOI 10.1016/j.ijforecast.2019.03.017): with a
dilation of a season, what was a season ago is one step away. `d_k` are given (`dilations`), or follow the season.
"""

from typing import final

import torch
from torch import Tensor, nn

from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.networks.recurrence import checked_sizes
from unspool.nn import Recurrent
from unspool.nn.setups import Diagram, Dilated


@final
class DilatedStack(nn.Module):
    """[B, L] → [B, H, outputs]. Cost: L/d_k recurrent steps of d_k · B rows in layer k."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.horizon = plan.horizon
        read = 2 + plan.features + plan.past_only
        sizes = checked_sizes(plan)
        self.stack = Dilated(plan.cell, read, plan.hidden_size, plan.dilations, dropout=plan.dropout, sizes=sizes)
        self.identity_size = self.stack.output_size
        self.calendar = nn.Linear(plan.features, plan.outputs, bias=False) if plan.features else None
        self.dropout = nn.Dropout(plan.dropout)
        self.readout = nn.Linear(self.stack.output_size, plan.horizon * plan.outputs)

    @property
    def layer(self) -> Recurrent:
        """The layer that reads the window."""
        return self.stack.layers[0]  # pyright: ignore[reportReturnType]

    def forward(self, reading: Reading) -> Tensor:
        """Features per step of the horizon."""
        x = torch.cat([reading.past[..., None], reading.mask[..., None], *reading.beside_past()], -1)
        state = self.dropout(self.stack(x)[:, -1] + reading.identity)
        forecast = self.readout(state).unflatten(1, (self.horizon, -1))
        return forecast if self.calendar is None else forecast + self.calendar(reading.calendar_future)

    def diagram(self) -> Diagram:
        """How it is drawn: as a stack whose boxes say how far back their state lies."""
        first, dilations = self.layer, self.stack.dilations
        sizes = self.stack.sizes
        stack = Recurrent(first.cell, first.input_size, first.hidden_size, len(dilations), residual=True, sizes=sizes)
        return Diagram("a window in, the whole horizon out", stack, gives="last", back=dilations)
