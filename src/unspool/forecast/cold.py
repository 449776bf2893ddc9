"""Cold start: a global model learns to forecast series that have hardly begun.

In a quarter of the windows it is trained on, all of the past is hidden but its last k steps (the logarithm of k is
drawn evenly), and so is which series it is: that is what a new series with k values looks like. The season and the
level of growth then come from the calendar, the covariates and what most series do.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from unspool.errors import SettingError
from unspool.forecast.coding import NO_CATEGORY, Beside
from unspool.forecast.model import ForecastModel
from unspool.forecast.places import Places
from unspool.forecast.tables.panel import Panel
from unspool.forecast.windows import Window

SHARE = 0.25
"""Of the windows trained on, those with a hidden past."""

UNMEASURED = ("scaled", "standard")
"""Normalisations by the deviation of a window, which a single value does not have."""


def starts_cold(panel: Panel, least: int, normalisation: str) -> bool:
    """Whether a series has at most `least` steps, too few for any window, and the normalisation can do without."""
    return normalisation not in UNMEASURED and any(len(s.values) <= least for s in panel.series)


def check_measured(normalisation: str) -> None:
    """Raises `SettingError` for a normalisation that needs a longer past than a cold start has."""
    if normalisation in UNMEASURED:
        raise SettingError(
            f"normalisation '{normalisation}' divides a window by its deviation; a cold start has a single value",
            hint="take last, mean or season, or no cold start",
        )


def with_hidden(windows: Iterator[Window], seed: int) -> Iterator[Window]:
    """The windows, a `SHARE` of each batch with a hidden past."""
    generator = torch.Generator().manual_seed(seed)
    for window in windows:
        size, lookback = window.past.shape
        chosen = torch.rand(size, generator=generator) < SHARE
        left = (lookback ** torch.rand(size, generator=generator)).long()
        yield hidden(window, torch.where(chosen, left, lookback))


def hidden(window: Window, left: Tensor) -> Window:
    """The window with the last `left` [B] steps of its past; whole where nothing was observed in those."""
    lookback = window.past.shape[1]
    open_ = torch.arange(lookback) >= lookback - left[:, None]
    open_ |= ((window.past_mask * open_).sum(1) == 0)[:, None]
    beside = window.past_only
    if beside is not None:
        codes = torch.where(open_[..., None], beside.codes, NO_CATEGORY)
        beside = Beside(beside.numbers * open_[..., None], codes)
    return replace(
        window,
        past=window.past * open_,
        past_mask=window.past_mask * open_,
        series=torch.where(open_.all(1), window.series, -1),
        past_only=beside,
    )


@torch.no_grad()
def forget_untrained(model: ForecastModel, places: Places) -> None:
    """Series without a window of their own are told apart by nothing, like new ones."""
    if model.identity is not None:
        model.identity.weight[places.counts() == 0] = 0
