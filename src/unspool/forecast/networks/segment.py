"""`segment`: the window is read a segment of w steps at a time, and all segments of the horizon are decoded at once.

    u_j = relu(E [segment j, its mask, its calendar and covariates])      ⌈L/w⌉ segments, the newest one whole
    state = the cell over u_1 … u_n
    v_k = position k + the series + the calendar of segment k of the horizon, and what is known ahead
    forecast of segment k = V · (one more step of the cell, from state, with v_k)

SegRNN, Lin et al. 2023, arXiv:2308.11200 (there a GRU; here any cell, with masks and calendars).
"""

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.networks.recurrence import recurrence
from unspool.nn.setups import Diagram


@final
class Segment(nn.Module):
    """[B, L] → [B, H, outputs]. Cost: ⌈L/w⌉ + 1 recurrent steps."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.segment, self.horizon = plan.segment, plan.horizon
        self.read = math.ceil(plan.lookback / plan.segment)
        self.decoded = math.ceil(plan.horizon / plan.segment)
        self.embed = nn.Linear(plan.segment * 2, plan.hidden_size)
        self.layer = recurrence(plan, plan.hidden_size)
        self.identity_size = plan.hidden_size
        self.position = nn.Parameter(0.5 * torch.randn(self.decoded, plan.hidden_size))
        self.calendar = nn.Linear(plan.segment * plan.features, plan.hidden_size, bias=False) if plan.features else None
        self.dropout = nn.Dropout(plan.dropout)
        self.readout = nn.Linear(self.layer.output_size, plan.segment * plan.outputs)
        beside = plan.segment * plan.past_only
        self.past_only = nn.Linear(beside, plan.hidden_size, bias=False) if beside else None

    def forward(self, reading: Reading) -> Tensor:
        """Features per step of the horizon."""
        before = self.read * self.segment - reading.past.shape[1]
        after = self.decoded * self.segment - self.horizon
        values = functional.pad(torch.stack([reading.past, reading.mask], -1), (0, 0, before, 0))
        u = self.embed(values.unflatten(1, (self.read, self.segment)).flatten(2))
        v = self.position + reading.identity[:, None]
        if self.calendar is not None:
            u = u + self.calendar(_segments(reading.calendar_past, before, 0, self.segment))
            v = v + self.calendar(_segments(reading.calendar_future, 0, after, self.segment))
        if self.past_only is not None and reading.past_only is not None:
            u = u + self.past_only(_segments(reading.past_only, before, 0, self.segment))
        _, state = self.layer(torch.relu(u))
        # Every segment of the horizon is decoded from the same state: they become rows of one batch.
        fanned = tuple(s.repeat_interleave(self.decoded, 1) for s in state)
        output, _ = self.layer(v.flatten(0, 1)[:, None], fanned)
        steps = self.readout(self.dropout(output[:, 0]))
        return steps.view(v.shape[0], self.decoded * self.segment, -1)[:, : self.horizon]

    def diagram(self) -> Diagram:
        """How it is drawn: x is a segment of the window, x′ the place of one in the horizon."""
        encoder = Diagram("segments of the window", self.layer, gives="none", steps=min(3, self.read))
        decoded = min(3, self.decoded)
        return Diagram("segments in, segments out", self.layer, steps=decoded, encoder=encoder, apart=True)


def _segments(calendar: Tensor, before: int, after: int, segment: int) -> Tensor:
    """[B, T, F] → [B, ⌈T/w⌉, w · F], padded with zeros before and after."""
    return functional.pad(calendar, (0, 0, before, after)).unflatten(1, (-1, segment)).flatten(2)
