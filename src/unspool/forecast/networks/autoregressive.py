"""`autoregressive`: every step is drawn from its own distribution, and the step after it reads what was drawn.

    state(t) = the cell over [what is read at t, y(t−1)],  y(t) ~ head(V · state(t))
    read at t: whether y(t−1) was observed, y(t−lag) for every lag, the calendar and what is known of t, the series

DeepAR, Salinas et al. 2020, IJF 36(3), arXiv:1704.04110. It is trained by teacher forcing, in one pass over window and
horizon in which every y(t−1) is the true one. To forecast, the window is read once; then many paths run on side by
side, each with noise of its own, so that the steps of a path belong together and sums over it are right.

Where head and cell allow, the loop over the horizon is one compiled step with readout, draw and feedback in it. Lags
of at least 2 are read from the window, and within the horizon from what was drawn, which needs as many runs of the
loop as the shortest lag goes into the horizon.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.networks.recurrence import recurrence
from unspool.nn.setups import Diagram, can_sample, sampled
from unspool.nn.stack import States

IDENTITY = 8
"""Numbers that tell a series from the others; read at every step."""


@final
class Autoregressive(nn.Module):
    """[B, L] → [B, paths, H]. Cost: L recurrent steps, and paths · H."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        assert plan.head is not None
        self.horizon, self.head, self.lags = plan.horizon, plan.head, plan.lags
        self.identity_size = IDENTITY
        self.layer = recurrence(plan, 2 + 2 * len(plan.lags) + plan.features + plan.past_only + IDENTITY)
        self.dropout = nn.Dropout(plan.dropout)
        self.readout = nn.Linear(self.layer.output_size, plan.outputs)
        self.compiled = plan.head.draw is not None and can_sample(self.layer, plan.head.draw)

    def forward(self, reading: Reading, future: Tensor, seen: Tensor) -> Tensor:
        """Taught: [B, L + H, outputs], what is said of every step when those before it are known.

        Args:
            reading: the window.
            future: [B, H] the horizon's values, normalised as the window; 0 where not observed.
            seen: [B, H] 1 where observed.
        """
        values = torch.cat([reading.past, future], 1)
        x = self._read(reading, values, torch.cat([reading.mask, seen], 1))
        output, _ = self.layer(torch.cat([x, _later(values, 1)[..., None]], -1))
        return self.readout(self.dropout(output))

    @torch.no_grad()
    def paths(self, reading: Reading, count: int, noise: dict[str, Tensor], unit: Tensor) -> Tensor:
        """[B, count, H] drawn, normalised as the window.

        Args:
            reading: the window.
            count: paths of each window.
            noise: [B, count, H] by name, of the head; a head that has none draws from torch's global generator.
            unit: [B] of the window, in the data's unit.
        """
        lookback, horizon = reading.past.shape[1], self.horizon
        values = functional.pad(reading.past, (0, horizon))
        x = self._read(reading, values, functional.pad(reading.mask, (0, horizon), value=1.0))
        window = torch.cat([x, _later(values, 1)[..., None]], -1)[:, :lookback]
        _, state = self.layer(window)
        state = tuple(s.repeat_interleave(count, 1) for s in state)
        ahead = x[:, lookback:].repeat_interleave(count, 0)
        y = reading.past[:, -1:].repeat_interleave(count, 0)
        unit = unit.repeat_interleave(count)
        rows = {name: n.flatten(0, 1) for name, n in noise.items()}
        drawn = ahead.new_empty(len(ahead), horizon)
        block = min((*self.lags, horizon))
        for first in range(0, horizon, block):
            last = min(first + block, horizon)
            for place, lag in enumerate(self.lags, 1):
                if last > lag:
                    known = max(first, lag)
                    ahead[:, known:last, place] = drawn[:, known - lag : last - lag]
            part = {name: n[:, first:last] for name, n in rows.items()}
            drawn[:, first:last], state = self._run(ahead[:, first:last], part, state, y, unit)
            y = drawn[:, last - 1 : last]
        return drawn.unflatten(0, (-1, count))

    def diagram(self) -> Diagram:
        """How it is drawn."""
        encoder = Diagram("a window in", self.layer, gives="none", steps=3)
        return Diagram("a window in, the forecast fed back", self.layer, fed_back=True, steps=3, encoder=encoder)

    def _run(
        self, x: Tensor, noise: dict[str, Tensor], state: States, y: Tensor, unit: Tensor
    ) -> tuple[Tensor, States]:
        """[R, T] drawn, and the state after; x [R, T, ·], noise [R, T], y [R, 1] the value before."""
        if self.compiled and self.head.draw is not None:
            drawn, (state, _) = sampled(self.layer, self.readout, self.head.draw, x, noise, (state, y))
            return drawn[..., 0], state
        steps = []
        for t in range(x.shape[1]):
            output, state = self.layer(torch.cat([x[:, t], y], -1)[:, None], state)
            part = {name: n[:, t] for name, n in noise.items()}
            y = self.head.sample(self.readout(output[:, 0]), part, unit)[:, None]
            steps.append(y)
        return torch.cat(steps, 1), state

    def _read(self, reading: Reading, values: Tensor, seen: Tensor) -> Tensor:
        """[B, L + H, ·] what is read at each step besides the value before it; the lags are columns 1, 2 …"""
        x = [_later(seen, 1)[..., None]]
        x += [_later(values, lag)[..., None] for lag in self.lags]
        x += [_later(seen, lag)[..., None] for lag in self.lags]
        x.append(torch.cat([reading.calendar_past, reading.calendar_future], 1))
        if reading.past_only is not None:  # what was known a step before
            x.append(functional.pad(reading.past_only, (0, 0, 1, self.horizon - 1)))
        x.append(reading.identity[:, None].expand(-1, values.shape[1], -1))
        return torch.cat(x, -1)


def _later(values: Tensor, lag: int) -> Tensor:
    """[B, T] the values `lag` steps before; 0 where that is before the window."""
    return functional.pad(values, (lag, 0))[:, : values.shape[1]]
