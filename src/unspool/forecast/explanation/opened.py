"""A fitted network opened for gradients: a window as the real numbers that it is read as, and the same window at rest.

At rest the values lie flat at the window's level (the mean of what was observed), the calendar is at its mean, no day
is a holiday, covariates that are numbers are at their medians, and a category is one that training did not see. What is
missing stays missing, so what was never there explains nothing.
"""

import copy
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor, nn

from unspool.forecast.coding import NO_CATEGORY, Beside
from unspool.forecast.model import ForecastModel
from unspool.forecast.windows import Window

Inputs = dict[str, Tensor]
"""What a forecast is read from: "values" [B, L], "calendar" [B, T, F], and by role the channels of the covariates."""

BESIDE = {"known": "known", "past": "past_only", "static": "static"}
"""Role → the field of `Window`, and the module of `ForecastModel` that makes channels of it."""


@final
class Opened:
    """A copy of a model without gradients of its own, which reads `Inputs` in place of a window's values and codes."""

    def __init__(self, model: ForecastModel, shifts: list[list[float]]) -> None:
        self._embed = {role: getattr(model, field) for role, field in BESIDE.items()}
        self._model = copy.deepcopy(model).eval().requires_grad_(False)
        for field in BESIDE.values():
            setattr(self._model, field, _Channels() if getattr(model, field) is not None else None)
        self._shifts = torch.tensor(shifts)[:, model.median]

    @torch.no_grad()
    def inputs(self, window: Window) -> Inputs:
        """The numbers of a window."""
        found = {"values": window.past, "calendar": window.calendar}
        for role, embed in self._embed.items():
            beside = getattr(window, BESIDE[role])
            if embed is not None and beside is not None:
                found[role] = embed(beside)
        return found

    def median(self, window: Window, inputs: Inputs) -> Tensor:
        """[B, H] the point forecasts of the inputs; masks, series and times are the window's."""
        beside = {
            field: Beside(inputs[role], torch.zeros(0, dtype=torch.int64))
            for role, field in BESIDE.items()
            if role in inputs
        }
        quantiles, unit = self._model(replace(window, past=inputs["values"], calendar=inputs["calendar"], **beside))
        return quantiles[..., self._model.median] + unit[:, None] * self._shifts


@final
class _Channels(nn.Module):
    """Stands where covariates are embedded, for those that are."""

    def forward(self, beside: Beside) -> Tensor:
        """The channels."""
        return beside.numbers


def rows(window: Window, index: Tensor) -> Window:
    """The windows at `index`, any number of times each."""
    fields: dict[str, Any] = {name: _at(part, index) for name, part in vars(window).items()}
    return Window(**fields)


def _at(part: Tensor | Beside | None, index: Tensor) -> Tensor | Beside | None:
    return part.at(index) if isinstance(part, Beside) else None if part is None else part[index]


def at_rest(window: Window, sizes: dict[str, tuple[int, ...]]) -> Window:
    """The same windows at rest.

    Args:
        window: any.
        sizes: by role, for each covariate the number of its categories, or 0 for one that is a number.
    """
    seen = window.past_mask
    level = (window.past * seen).sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp(min=1)
    beside = {field: _resting(getattr(window, field), sizes[role]) for role, field in BESIDE.items()}
    return replace(window, past=level * seen, calendar=torch.zeros_like(window.calendar), **beside)


def _resting(beside: Beside | None, sizes: tuple[int, ...]) -> Beside | None:
    if beside is None:
        return None
    numbers = beside.numbers.clone()
    numbers[..., : numbers.shape[-1] // 2] = 0
    unseen = torch.tensor([size for size in sizes if size], dtype=torch.int64)
    return Beside(numbers, torch.where(beside.codes == NO_CATEGORY, NO_CATEGORY, unseen))
