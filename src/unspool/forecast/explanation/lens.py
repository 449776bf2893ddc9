"""A batch of windows looked at through every member: their findings averaged, as their forecasts are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from unspool.forecast.explanation.attribution import attribute
from unspool.forecast.explanation.drivers import Place
from unspool.forecast.explanation.occlusion import occlude
from unspool.forecast.explanation.opened import Inputs, Opened, at_rest
from unspool.forecast.windows import Window


@final
@dataclass(frozen=True)
class Findings:
    """Of B windows, in units of their series' scale, float64.

    Attributes:
        forecast, rest: [B, K].
        values, slopes: [B, K, L] what past values add, and the gradients.
        past: [B, S, K] occlusion of stretches.
        beside: [B, D, K] occlusion of drivers.
        drivers, driver_slopes: for each driver [B, K, T], T being 1 where it is static; slopes of its first channel.
    """

    forecast: np.ndarray
    rest: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    past: np.ndarray
    beside: np.ndarray
    drivers: list[np.ndarray]
    driver_slopes: list[np.ndarray]


@final
@dataclass(frozen=True)
class Lens:
    """How a model is looked at.

    Attributes:
        members: opened; their results are averaged.
        sizes: of the covariates, as for `at_rest`.
        places: of the drivers.
        stretches: lags (first, last).
        ahead: K steps of the horizon, from 0.
        gap: steps between the window and the horizon.
        nodes: points of the integral.
    """

    members: list[Opened]
    sizes: dict[str, tuple[int, ...]]
    places: list[Place]
    stretches: list[tuple[int, int]]
    ahead: Sequence[int]
    gap: int
    nodes: int

    def look(self, window: Window) -> Findings:
        """The findings of all members."""
        resting = at_rest(window, self.sizes)
        found = [self._through(member, window, resting) for member in self.members]
        mean = [torch.stack([part.double() for part in parts]).mean(0).numpy() for parts in zip(*found, strict=True)]
        count = len(self.places)
        forecast, rest, values, slopes, past, beside, *drivers = mean
        return Findings(forecast, rest, values, slopes, past, beside, drivers[:count], drivers[count:])

    def _through(self, member: Opened, window: Window, resting: Window) -> list[Tensor]:
        """One member's: forecast, rest, values, slopes, past, beside, then the drivers', then their slopes."""
        seen = attribute(member, window, resting, self.ahead, self.nodes)
        hidden = occlude(member, window, resting, self.stretches, self.places, self.ahead)
        added = [_part(seen.added, place, place.channels) for place in self.places]
        slopes = [_part(seen.gradients, place, place.channels[:1]) for place in self.places]
        return [seen.forecast, seen.rest, seen.added["values"], seen.gradients["values"], *hidden, *added, *slopes]


def _part(inputs: Inputs, place: Place, channels: list[int]) -> Tensor:
    """[B, K, T] the sum over channels."""
    total = inputs[place.input][..., channels].sum(-1)
    return total[..., None] if total.ndim == 2 else total


def mixed(parts: Sequence[Findings], counts: Sequence[int]) -> Findings:
    """The mean of what several models find in the same batch; shorter windows add nothing before their start."""

    def mean(arrays: Sequence[np.ndarray]) -> np.ndarray:
        longest = max(array.shape[-1] for array in arrays)
        room = [[(0, 0)] * (array.ndim - 1) + [(longest - array.shape[-1], 0)] for array in arrays]
        padded = [np.pad(array, before) for array, before in zip(arrays, room, strict=True)]
        return np.average(padded, axis=0, weights=counts)

    def named(name: str) -> np.ndarray:
        return mean([getattr(part, name) for part in parts])

    return Findings(
        *(named(name) for name in ("forecast", "rest", "values", "slopes", "past", "beside")),
        drivers=[mean(driver) for driver in zip(*(part.drivers for part in parts), strict=True)],
        driver_slopes=[mean(driver) for driver in zip(*(part.driver_slopes for part in parts), strict=True)],
    )
