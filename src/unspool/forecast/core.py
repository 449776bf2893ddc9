"""What remembers in a fitted model: its recurrent layer, and the inputs that the network feeds to it."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from unspool.errors import DataError
from unspool.forecast.ensemble import AnyModel, lead_of
from unspool.forecast.fitted import FittedModel
from unspool.forecast.model import ForecastModel
from unspool.forecast.places import spread_evenly
from unspool.forecast.tables.panel import ROLES, Panel
from unspool.forecast.windows import Window
from unspool.nn import Recurrent


@dataclass(frozen=True)
class Core:
    """The recurrent layer of a model's first member, and what drives it.

    Attributes:
        layer: it, all its layers; part of the model.
        x: [T, I] float32, its inputs: windows laid end to end, or one input over and over.
        windows: of the data that `x` was read from; 0 where there were none.
        reads: steps of the layer in a window.
        per_step: steps of the data in a step of the layer.
    """

    layer: Recurrent
    x: Tensor
    windows: int
    reads: int
    per_step: int


def recurrent_core(of: AnyModel, panel: Panel | None, steps: int) -> Core:
    """The layer with about `steps` steps of what it reads; of an ensemble that of the member that counts most.

    With a panel these are windows of its series, spread evenly, each normalised and embedded as in a forecast. Without,
    the layer's resting input: that of a window which holds nothing but its mean, at the mean of the calendar, with
    covariates at their medians and no category. A layer
    that reads the time between rows is looked at where all of them are a step apart.

    Raises:
        DataError: no window of the panel has a value.
    """
    model = lead_of(of)
    member = model.members[0]
    window, count = _resting(model), 0
    reads = _read(member, window).shape[1]
    if panel is not None:
        window = _windows(model, panel, math.ceil(steps / reads))
        count = len(window.past)
    x = _read(member, window).flatten(0, 1) if count else _read(member, window)[0, -1:].expand(steps, -1)
    return Core(member.network.layer, x, count, reads, getattr(member.network, "segment", 1))


@torch.no_grad()
def _read(member: ForecastModel, window: Window) -> Tensor:
    """[B, reads, I]: what the layer is given first; some networks run it again, to decode."""
    seen: list[Tensor] = []
    with member.network.layer.register_forward_pre_hook(lambda _, given: seen.append(given[0])):
        member(window)
    return seen[0]


def _windows(model: FittedModel, panel: Panel, count: int) -> Window:
    settings = model.recipe.model
    scales, series = model.scales_of(panel)
    windows = model.windows(panel, scales)
    lengths = windows.lengths
    shortest = min(settings.lookback, int(lengths.max()) - settings.gap - 1)
    places = windows.places(np.zeros_like(lengths), lengths, shortest=max(1, shortest))
    if not len(places):
        raise DataError("the data hold no window with a value in it", hint="give longer series")
    chosen = spread_evenly(places, count)
    return replace(windows.cut(chosen), series=torch.from_numpy(series[chosen[:, 0].numpy()]))


def _resting(model: FittedModel) -> Window:
    settings = model.recipe.model
    past, future = torch.zeros(1, settings.lookback), torch.zeros(1, settings.horizon)
    calendar = torch.zeros(1, settings.lookback + settings.gap + settings.horizon, len(settings.features))
    dt = torch.ones(1, settings.lookback + settings.horizon) if settings.uneven else None
    steps = {"known": calendar.shape[:2], "past": past.shape}
    beside = {role: model.coding.resting(role, steps.get(role, (1,))) for role in ROLES}
    return Window(
        past, torch.ones_like(past), calendar, torch.tensor([-1]), future, future, dt,
        beside["known"], beside["past"], beside["static"],
    )  # fmt: skip
