"""Occlusion: what a forecast changes by when a part of what it is read from is taken away, which needs no gradient.

Zeiler & Fergus 2014, arXiv:1311.2901, section 4.2, for windows of time. What is taken away is put at rest (see
`opened`), not masked: a network whose data had no gaps has never seen a mask of 0, and answers it with noise.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from unspool.forecast.explanation.drivers import Place
from unspool.forecast.explanation.opened import Inputs, Opened
from unspool.forecast.windows import Window

MOST = 10
"""Stretches of a window, at most."""


def stretches_of(lookback: int, season: int) -> list[tuple[int, int]]:
    """Lags (first, last): the last value, lag 1, then the rest of its season, then whole seasons (or tenths) back."""
    unit = season if 1 < season <= lookback // 2 else 1
    steps = unit * -(-lookback // (unit * MOST))
    whole = [(lag, min(lag + steps - 1, lookback)) for lag in range(1, lookback + 1, steps)]
    newest = whole[0][1]
    return ([(1, 1), (2, newest)] if newest > 1 else [(1, 1)]) + whole[1:]


@torch.no_grad()
def occlude(
    model: Opened,
    window: Window,
    resting: Window,
    stretches: Sequence[tuple[int, int]],
    places: Sequence[Place],
    ahead: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """Forecast minus the forecast without: of stretches of past values [B, S, K], and of drivers [B, D, K].

    Cost: S + D + 1 forward passes.
    """
    whole, rest = model.inputs(window), model.inputs(resting)
    lookback, steps = window.past.shape[1], list(ahead)
    forecast = model.median(window, whole)[:, steps]

    def without(name: str, part: Tensor) -> Tensor:
        return forecast - model.median(window, whole | {name: part})[:, steps]

    past, beside = [], []
    for first, last in stretches:
        values = whole["values"].clone()
        part = slice(max(0, lookback - last), max(0, lookback - first + 1))
        values[:, part] = rest["values"][:, part]
        past.append(without("values", values))
    for place in places:
        beside.append(without(place.input, _rested(whole, rest, place)))
    nothing = forecast[:, None][:, :0]
    return (torch.stack(past, 1) if past else nothing), (torch.stack(beside, 1) if beside else nothing)


def _rested(whole: Inputs, rest: Inputs, place: Place) -> Tensor:
    channels = whole[place.input].clone()
    channels[..., place.channels] = rest[place.input][..., place.channels]
    return channels
