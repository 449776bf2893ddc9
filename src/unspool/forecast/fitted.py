"""A fitted model: the forecasts, paths and rolling forecasts that it makes of a panel."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import final

import numpy as np
import torch
from torch import Tensor

from unspool.forecast.coding import Coding
from unspool.forecast.ends import panel_tail
from unspool.forecast.evaluation import conformal
from unspool.forecast.members import BATCH, average, drawn
from unspool.forecast.model import ForecastModel
from unspool.forecast.recipe import Recipe, drawn_from
from unspool.forecast.result import TrainingLog
from unspool.forecast.scaling import check_positive, scales_for
from unspool.forecast.tables.panel import Panel
from unspool.forecast.windows import Scales, Window, Windows, observed

TOGETHER = 20_000
"""Series whose last windows are cut at once."""


@final
@dataclass(frozen=True)
class FittedModel:
    """Fitted models and what is needed to use them.

    Attributes:
        members: models of one kind whose quantiles are averaged.
        recipe: how they came to be.
        ids: names of the series they were fitted on.
        scales: of those series.
        shifts: [H][Q] conformal shifts, in units of the window.
        log: how the first fit went; it says so where a later one was cut off.
        valid_error: mean pinball loss on the validation part, in units of the series' scale.
        coding: of the covariates, from the rows fitted on.
    """

    members: tuple[ForecastModel, ...]
    recipe: Recipe
    ids: tuple[str, ...]
    scales: Scales
    shifts: list[list[float]]
    log: TrainingLog
    valid_error: float
    coding: Coding = field(default_factory=Coding)

    def quantiles(self, panel: Panel, ahead: np.ndarray | None = None) -> np.ndarray:
        """[N, H, Q] calibrated quantiles for the steps after each series' end, in the units of the data.

        A series that was not fitted on is scaled by its own mean and deviation.

        Args:
            panel: the data.
            ahead: [N, gap + H] the times of those steps; by default steps of the panel's frequency.
        """
        return np.concatenate([self._calibrated(*part) for part in self.ends(panel, ahead)])

    def ends(self, panel: Panel, ahead: np.ndarray | None = None) -> Iterator[tuple[Window, Scales]]:
        """The windows at the series' ends with their scales, in parts; arguments as for `quantiles`."""
        # One step more, for the time that lies before the window's first.
        tail = panel_tail(panel, self.recipe.model.lookback + 1)
        scales, series = self.scales_of(panel)
        windows = self.windows(tail, scales, ahead)
        for part in windows.ends().split(TOGETHER):
            of = part[:, 0].numpy()
            window = replace(windows.cut(part), series=torch.from_numpy(series[of]))
            yield window, scales.at(of)

    def rolling(self, panel: Panel, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Forecasts from every cutoff whose first target lies at `first[i]` or later and whose last one is there.

        Nothing is fitted. For testing one model on a long stretch, all of whose windows count.

        Returns:
            quantiles [M, H, Q], actual [M, H] (NaN where missing), (series, cutoff) [M, 2].
        """
        scales, series = self.scales_of(panel)
        windows = self.windows(panel, scales)
        places = windows.places(first, windows.lengths, whole=True)
        quantiles, actual = [], []
        for part in places.split(BATCH):
            of = part[:, 0].numpy()
            window = windows.cut(part)
            known = replace(window, series=torch.from_numpy(series[of]))
            quantiles.append(self._calibrated(known, scales.at(of)))
            actual.append(scales.at(of).undo(observed(window)))
        return np.concatenate(quantiles), np.concatenate(actual), places[:, :2].numpy()

    def windows(self, panel: Panel, scales: Scales, ahead: np.ndarray | None = None) -> Windows:
        """Windows of a panel as the model reads them; `ahead` as for `quantiles`."""
        s = self.recipe.model
        return Windows(panel, scales, s.lookback, s.horizon, s.gap, s.features, ahead, self.coding)

    def scales_of(self, panel: Panel) -> tuple[Scales, np.ndarray]:
        """[N] scales, and [N] which fitted series each is; −1 and its own scale for one that was not there."""
        known = {name: i for i, name in enumerate(self.ids)}
        series = np.array([known.get(s.id, -1) for s in panel.series])
        fitted, log = series >= 0, self.scales.log
        if log:
            check_positive(panel)
        if fitted.all():
            return self.scales.at(series), series
        own = scales_for(panel, self.recipe.model, self.scales, self.recipe.few)
        centre = np.where(fitted, self.scales.centre[series], own.centre)
        return Scales(centre, np.where(fitted, self.scales.spread[series], own.spread), log), series

    def paths(self, panel: Panel, count: int, ahead: np.ndarray | None = None) -> np.ndarray:
        """[N, count, H] paths after each series' end, in the units of the data, where the network has paths.

        The steps of a path belong together. Members draw in turn. The recipe's seed and the name of the series decide
        what is drawn; of heads without noise of their own, the other series do, too.

        Args:
            panel: the data.
            count: paths of each series.
            ahead: as for `quantiles`.
        """
        seed, head, found, rest = self.recipe.seed, self.members[0].head, [], iter(panel.series)
        for window, scales in self.ends(panel, ahead):
            with drawn_from(self.recipe, len(self.members)):
                noises: dict[str, list[Tensor]] = {}
                for series in islice(rest, len(scales.centre)):
                    torch.manual_seed(seed << 32 | zlib.crc32(series.id.encode()))
                    for name, noise in head.noise(1, count, self.recipe.model.horizon).items():
                        noises.setdefault(name, []).append(noise)
                paths = drawn(self.members, window, count, {name: torch.cat(each) for name, each in noises.items()})
            found.append(self._in_data(paths.double().numpy(), scales))
        return np.concatenate(found)

    def _calibrated(self, window: Window, scales: Scales) -> np.ndarray:
        quantiles, unit = average(self.members, window)
        return self._in_data(conformal.apply(quantiles, unit, self.shifts, self.recipe.model.levels), scales)

    def _in_data(self, values: np.ndarray, scales: Scales) -> np.ndarray:
        """From units of the series' scale to those of the data; whole numbers come back from float32 as such."""
        found = scales.undo(values)
        return found.round(4) if self.recipe.model.head == "negative_binomial" else found
