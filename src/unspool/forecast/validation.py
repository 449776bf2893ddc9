"""The validation part: its windows, the error on them, and the shifts that they calibrate."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unspool.forecast.evaluation import conformal, metrics
from unspool.forecast.members import average
from unspool.forecast.model import ForecastModel
from unspool.forecast.places import spread_evenly
from unspool.forecast.recipe import Recipe, least_past
from unspool.forecast.windows import Window, Windows, observed

VALIDATED = 2000
"""Windows on which a validation loss is taken, at most, spread evenly."""

CALIBRATED = 20_000
"""Windows that calibrate the quantiles, at most, spread evenly."""

ENOUGH = 1000
"""Windows in the newer half of the validation part from which that half alone calibrates: errors drift."""


def validation_places(windows: Windows, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """[M, 3] the windows with targets in the validation part, and those of them that calibrate."""
    length = windows.lengths
    split = np.maximum(length - recipe.validation, 0)
    valid = windows.places(split, length, shortest=least_past(recipe.model.lookback))
    newer = valid[valid[:, 1] >= torch.from_numpy((split + length) // 2)[valid[:, 0]]]
    return valid, spread_evenly(newer if len(newer) >= ENOUGH else valid, CALIBRATED)


def calibrate(members: Sequence[ForecastModel], window: Window, levels: Sequence[float]) -> list[list[float]]:
    """Conformal shifts [H][Q] from windows that were not trained on."""
    quantiles, unit = average(members, window)
    return conformal.calibrate(observed(window), quantiles, unit, levels)


def quantile_error(members: Sequence[ForecastModel], window: Window, levels: Sequence[float]) -> float:
    """Mean pinball loss over what was observed, in units of the series' scale: comparable between normalisations."""
    quantiles, _ = average(members, window)
    return metrics.quantile_loss(observed(window), quantiles, levels)
