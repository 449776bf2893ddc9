"""Exponential smoothing in front of a network, with coefficients learnt for each series (ES-RNN).

    a_t = y_t − s_t                      what is left without the season
    l_t = α a_t + (1 − α) l_{t−1}        level
    s_{t+m} = β (y_t − l_t) + (1 − β) s_t    season of m steps

The network reads a_t − l_T, and its forecast stands on l_T + s_{T+k}: Smyl 2020, DOI 10.1016/j.ijforecast.2019.03.017,
section 3.2, whose equations are these on logarithms, where quotients are differences. So the rule is: multiplicative
where the model reads logarithms (`log`, by itself where all values are positive), additive elsewhere. α, β and a season
to begin with are learnt for each series, together with the network; a series that was not there has their means.

As every normalisation it is of a window: it begins anew in each, at the means of the window's own phases (plus what is
learnt of the series) and at the level of its first season.
"""

import math
from typing import Annotated, final

import numpy as np
import torch
from torch import Tensor, nn

from unspool.forecast.normalise import Level
from unspool.forecast.windows import Window
from unspool.lang import Fixed, Input, Output, PerStep, Sized, Start, State, Symbol, Vector, cell, maximum, total
from unspool.nn import Recurrent

SMOOTHING = "smoothing"
"""What the normalisation is called."""

Levels = Annotated[Symbol, Sized("I")]


@cell(start={"p": Start("0, 1, 2 …", lambda shape, _, __: np.arange(shape[0], dtype=np.float64))})
def holt_winters(
    x: Input,
    l: Levels,  # noqa: E741 - as in the literature
    s: State,
    phase: PerStep,
    seen: PerStep,
    alpha: PerStep,
    beta: PerStep,
    *,
    p: Fixed[Vector],
) -> tuple[Levels, State, Output]:
    """Level and season; a unit of `s` for each phase, of which one is due. A step not seen changes nothing."""
    due = maximum(1 - abs(p - phase), 0)
    a = x - total(due * s)
    l = l + seen * alpha * (a - l)  # noqa: E741 - as in the literature
    s = s + due * (seen * beta * total(a - l))
    return l, s, a


@final
class Smoothing(nn.Module):
    """Window → `Level`, by exponential smoothing whose coefficients are learnt.

    Args:
        series: series told apart; 0 or 1 for one set of coefficients for all.
        season: m, steps per season; 1 for none.

    Cost: L recurrent steps, compiled, of m numbers per row.
    """

    def __init__(self, series: int, season: int) -> None:
        super().__init__()
        count = max(1, series)
        self.season = season
        # α begins at 1/m: a level over about a season; β at a half. Both before the logistic function.
        self.alpha = nn.Parameter(torch.full((count,), -math.log(max(1, season - 1))))
        self.beta = nn.Parameter(torch.zeros(count))
        self.initial = nn.Parameter(torch.zeros(count, season))
        self.recursion = Recurrent(holt_winters, 1, season)

    def forward(self, values: Tensor, window: Window, ahead: int) -> Level:
        """What is taken off `values` [B, L], of a window, and put back on the `ahead` steps after it."""
        B, L = values.shape
        mask = window.past_mask
        start = torch.zeros_like(window.series) if window.position is None else window.position
        steps = start[:, None] + torch.arange(L + ahead, device=values.device)
        phase = steps.remainder(self.season)
        alpha, beta, learnt = (_of(each, window.series) for each in (self.alpha, self.beta, self.initial))
        season = learnt + _phases(values, mask, phase[:, :L], self.season) if self.season > 1 else 0 * learnt
        begin = mask * (mask.cumsum(1) <= self.season)
        adjusted = values - season.gather(1, phase[:, :L])
        level = (begin * adjusted).sum(1, keepdim=True) / begin.sum(1, keepdim=True).clamp(min=1)
        rates = {"alpha": torch.sigmoid(alpha), "beta": torch.sigmoid(beta) * (self.season > 1)}
        a, (level, season) = self.recursion(
            values[..., None],
            (level[None], season[None]),
            per_step={
                "phase": phase[:, :L].to(values.dtype),
                "seen": mask,
                **{name: rate[:, None].expand(B, L) for name, rate in rates.items()},
            },
        )
        path = level[0] + season[0].gather(1, phase[:, L:])
        return Level(values - a[..., 0] + level[0], path, torch.ones_like(level[0]))


def _of(each: Tensor, series: Tensor) -> Tensor:
    """The rows of `each` [N, ·] for the series [B]; the mean row for one that was not there (−1)."""
    if len(each) == 1:
        return each.expand(len(series), *each.shape[1:])
    return torch.cat([each, each.mean(0, keepdim=True)])[series]


def _phases(values: Tensor, mask: Tensor, phase: Tensor, season: int) -> Tensor:
    """[B, m]: for each phase the mean distance of what was observed from the window's mean; 0 where nothing was."""
    count = mask.sum(1, keepdim=True).clamp(min=1)
    away = (values - (values * mask).sum(1, keepdim=True) / count) * mask
    zero = values.new_zeros(len(values), season)
    return zero.scatter_add(1, phase, away) / zero.scatter_add(1, phase, mask).clamp(min=1)
