"""Fit a model to a panel: split in time, train, calibrate, and fit again on everything."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from unspool.errors import DataError
from unspool.forecast.coding import Coding
from unspool.forecast.cold import forget_untrained, with_hidden
from unspool.forecast.evaluation import conformal, metrics
from unspool.forecast.model import SAMPLED, ForecastModel, ModelSettings, quantiles_of
from unspool.forecast.places import Places
from unspool.forecast.result import TrainingLog
from unspool.forecast.scaling import check_positive, scales_for
from unspool.forecast.tables.panel import Panel
from unspool.forecast.windows import Scales, Window, Windows
from unspool.lang import Cell
from unspool.train import Callback, TrainSettings, fit

VALIDATED = 2000
"""Windows on which a validation loss is taken, at most, spread evenly."""

CALIBRATED = 20_000
"""Windows that calibrate the quantiles, at most, spread evenly."""

ENOUGH = 1000
"""Windows in the newer half of the validation part from which that half alone calibrates: errors drift."""

BATCH = 2048
"""Windows that are evaluated at once: what a network keeps of them is the most memory that a fit takes."""

SHUFFLED = 1_000_000
"""Windows up to which a round of training goes through each of them once."""


@dataclass(frozen=True)
class Recipe:
    """What to fit and how, with nothing left to decide.

    Attributes:
        model: the model's settings.
        cell: its cell.
        train: the loop's settings.
        batch_size: windows per step.
        validation: steps at the end of each series that are held back to stop on and to calibrate with.
        refit: whether the model is then fitted anew on everything, for as many steps as were best.
        members: models fitted from different seeds; their quantiles are averaged.
        seed: of weights and order.
        cold: whether it is trained for series that have hardly begun (see `cold`).
    """

    model: ModelSettings
    cell: Cell
    train: TrainSettings
    batch_size: int
    validation: int
    refit: bool
    members: int
    seed: int
    cold: bool = False

    @property
    def few(self) -> int:
        """Values up to which a series' own deviation is not trusted alone."""
        return least_past(self.model.lookback) if self.cold else 0


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
        log: how the first fit went.
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
        for part in windows.ends().split(CALIBRATED):
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


def panel_tail(panel: Panel, steps: int) -> Panel:
    """The last `steps` points of every series."""
    series = tuple(s.between(max(0, len(s.values) - steps), len(s.values)) for s in panel.series)
    return replace(panel, series=series)


def check_ends(panel: Panel, lookback: int) -> None:
    """Raises `DataError` where a series has no value in its last `lookback` steps: nothing to forecast from."""
    empty = [s.id for s in panel.series if np.isnan(s.values[-lookback:]).all()]
    if empty:
        raise DataError(
            f"series {empty[0]!r} has no value in its last {lookback} steps, which the model reads"
            f"{f' (nor have {len(empty) - 1} others)' if len(empty) > 1 else ''}",
            hint="leave out the rows without a value at its end, or widen the window",
        )


def least_window(panel: Panel) -> int:
    """Steps that a window must have to hold a value at the end of every series; the longest series if one has none."""
    ends = [np.flatnonzero(~np.isnan(s.values[::-1])) for s in panel.series]
    longest = max(len(s.values) for s in panel.series)
    return max(int(end[0]) + 1 if len(end) else longest for end in ends)


def check_ahead(panel: Panel, steps: int) -> None:
    """Raises `DataError` where a series has covariates known in the future, but not for the `steps` after its end."""
    names = ", ".join(repr(one.name) for one in panel.of_role("known"))
    if not names or all(s.known is not None and len(s.known) >= len(s.values) + steps for s in panel.series):
        return
    raise DataError(
        f"the covariates known in the future ({names}) are not given for the horizon",
        hint="give a table with them: --future FILE (in Python: future=)",
    )


def fit_model(panel: Panel, recipe: Recipe, callbacks: Sequence[Callback] = (), title: str = "training") -> FittedModel:
    """Fit `recipe` to `panel`.

    The last `validation` steps of every series come after the part trained on; early stopping and the conformal
    shifts use them. With `refit` the model that is kept is then trained on all of it.

    Raises:
        DataError: the series are too short for a window and a validation part, or the loss is not finite.
        KeyboardInterrupt: Ctrl-C came before anything was learned; later, what was learned so far is returned.
    """
    if recipe.model.series:
        recipe = replace(recipe, model=replace(recipe.model, series=len(panel.series)))
    coding = Coding.of(panel)
    recipe = replace(recipe, model=replace(recipe.model, **coding.sizes()))
    settings = recipe.model
    scales = scales_for(panel, settings, few=recipe.few)
    length = np.array([len(s.values) for s in panel.series])
    shortest = least_past(settings.lookback)
    if length.max() <= shortest:
        raise _too_few(recipe, length)
    windows = Windows(
        panel, scales, settings.lookback, settings.horizon, settings.gap, settings.features, coding=coding
    )
    train = windows.enumerate(np.zeros_like(length), np.maximum(length - recipe.validation, 0), shortest=shortest)
    valid, trusted = validation_places(windows, recipe)
    if len(train) == 0 or len(valid) == 0:
        raise _too_few(recipe, length)
    checked = spread_evenly(valid, VALIDATED)
    model = build(recipe, 0)
    with drawn_from(recipe, 0):
        fitted = fit(
            model,
            batches(windows, train, recipe.batch_size, recipe.seed, cold=recipe.cold),
            window_loss,
            lambda m: _mean_loss(m, windows, checked),
            recipe.train,
            title=title,
            callbacks=callbacks,
        )
    if fitted.best == 0:
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt
        raise DataError(f"{title}: the loss is not finite", hint="look for extreme values in the data")
    forget_untrained(model, train)
    error = quantile_error((model,), windows.cut(checked), settings.levels)
    shifts = [[0.0] * len(settings.levels)] * settings.horizon
    if not (settings.counts or settings.is_fed):
        shifts = calibrate((model,), windows.cut(trusted), settings.levels)
    log = TrainingLog(fitted.epochs, fitted.best, fitted.stopped, settings.network, recipe.cell.name, fitted.seconds)
    ids = tuple(s.id for s in panel.series)
    early = FittedModel((model,), recipe, ids, scales, shifts, log, error, coding)
    return _refit(windows, early, callbacks, title) if recipe.refit and fitted.stopped != "interrupted" else early


def refit_model(
    panel: Panel, early: FittedModel, recipe: Recipe, callbacks: Sequence[Callback] = (), title: str = "training"
) -> FittedModel:
    """What `fit_model` does last: the members of `recipe` on all of the panel that `early` was fitted to.

    After Ctrl-C it holds the members that were done, or those of `early`, and its log says so.
    """
    recipe = replace(early.recipe, members=recipe.members, refit=True)
    return _refit(early.windows(panel, early.scales), replace(early, recipe=recipe), callbacks, title)


def validation_places(windows: Windows, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """[M, 3] the windows with targets in the validation part, and those of them that calibrate."""
    length = windows.lengths
    split = np.maximum(length - recipe.validation, 0)
    valid = windows.places(split, length, shortest=least_past(recipe.model.lookback))
    newer = valid[valid[:, 1] >= torch.from_numpy((split + length) // 2)[valid[:, 0]]]
    return valid, spread_evenly(newer if len(newer) >= ENOUGH else valid, CALIBRATED)


def _too_few(recipe: Recipe, length: np.ndarray) -> DataError:
    settings = recipe.model
    return DataError(
        f"too few points: the longest series has {int(length.max())}; a window of {settings.lookback} steps, "
        f"{settings.gap + settings.horizon} steps ahead and {recipe.validation} steps for validation do not fit",
        hint="shorten the horizon, the window or the validation part",
    )


def build(recipe: Recipe, member: int) -> ForecastModel:
    """A model with the weights of the recipe's seed."""
    with drawn_from(recipe, member):
        return ForecastModel(recipe.model, recipe.cell)


@contextmanager
def drawn_from(recipe: Recipe, member: int) -> Iterator[None]:
    """Weights and dropout come from the recipe's seed; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed * 1000 + member)
        yield


def least_past(lookback: int) -> int:
    """Steps that must lie before a cutoff for its window to be trained on."""
    return max(1, lookback // 2)


def batches(windows: Windows, places: Places | Tensor, size: int, seed: int, *, cold: bool = False) -> Iterator[Window]:
    """Batches without end; for a cold start some of their windows have a hidden past."""
    stream = _drawn(windows, places, size, seed)
    return with_hidden(stream, seed) if cold else stream


def _drawn(windows: Windows, places: Places | Tensor, size: int, seed: int) -> Iterator[Window]:
    """Every place once per round, in an order drawn by `seed`.

    Of more than `SHUFFLED` places each batch is drawn by itself, so that no order of all of them is made: a place may
    then come again before all have come.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(size, len(places))
    while len(places) > SHUFFLED:
        yield windows.cut(places[torch.randint(len(places), (size,), generator=generator)])
    while True:
        order = torch.randperm(len(places), generator=generator)
        for start in range(0, len(order) - size + 1, size):
            yield windows.cut(places[order[start : start + size]])


def window_loss(model: nn.Module, window: Window) -> Tensor:
    """The model's own loss, in units of each window."""
    return model(window, True)


def calibrate(members: Sequence[ForecastModel], window: Window, levels: Sequence[float]) -> list[list[float]]:
    """Conformal shifts [H][Q] from windows that were not trained on."""
    quantiles, unit = average(members, window)
    return conformal.calibrate(observed(window), quantiles, unit, levels)


def quantile_error(members: Sequence[ForecastModel], window: Window, levels: Sequence[float]) -> float:
    """Mean pinball loss over what was observed, in units of the series' scale: comparable between normalisations."""
    quantiles, _ = average(members, window)
    return metrics.quantile_loss(observed(window), quantiles, levels)


def observed(window: Window) -> np.ndarray:
    """[B, H] float64 targets, NaN where not observed."""
    return np.where(window.future_mask.numpy() > 0, window.future.double().numpy(), np.nan)


@torch.inference_mode()
def average(members: Sequence[ForecastModel], window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Mean quantiles [B, H, Q] of the members and the unit [B], float64. Averages of ordered quantiles are ordered.

    Members that are fed their forecast share the paths whose quantiles are taken instead, as they share any others.
    """
    quantiles, unit = [], []
    for part in window.parts(BATCH):
        if len(members) > 1 and members[0].settings.is_fed:
            quantiles.append(_shared(members, part))
            unit.append(torch.ones(len(part.past), dtype=torch.float64))
            continue
        results = [member(part) for member in members]
        quantiles.append(torch.stack([q.double() for q, _ in results]).mean(0))
        unit.append(results[0][1].double())
    return torch.cat(quantiles).numpy(), torch.cat(unit).numpy()


def _shared(members: Sequence[ForecastModel], window: Window) -> Tensor:
    """[B, H, Q] quantiles of `SAMPLED` paths of all members, of the noise of `ForecastModel.forward`."""
    settings = members[0].settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        noise = members[0].head.noise(1, SAMPLED, settings.horizon)
        return quantiles_of(drawn(members, window, SAMPLED, noise), settings).double()


def drawn(members: Sequence[ForecastModel], window: Window, count: int, noise: dict[str, Tensor]) -> Tensor:
    """[B, count, H] paths, of the members in turn, in units of the series' scale; noise as in `ForecastModel.paths`."""
    shares = []
    for number, member in enumerate(members[:count]):
        part = {name: n[:, number :: len(members)] for name, n in noise.items()}
        shares.append(member.paths(window, len(range(number, count, len(members))), part))
    return torch.cat(shares, 1)


def spread_evenly(places: Tensor, most: int) -> Tensor:
    """At most `most` of the places, evenly spaced."""
    if len(places) <= most:
        return places
    return places[torch.linspace(0, len(places) - 1, most).round().long()]


def _refit(windows: Windows, early: FittedModel, callbacks: Sequence[Callback], title: str) -> FittedModel:
    """The recipe's members, trained on all places for the best number of steps."""
    recipe, length = early.recipe, windows.lengths
    places = windows.enumerate(np.zeros_like(length), length, shortest=least_past(recipe.model.lookback))
    every = max(1, recipe.train.steps // recipe.train.validations)
    steps = min(recipe.train.steps, early.log.best * every)
    train = replace(recipe.train, steps=steps, validations=1)
    members, stopped = [], early.log.stopped
    for number in range(recipe.members):
        member = build(recipe, number)
        stream = batches(windows, places, recipe.batch_size, recipe.seed * 1000 + number, cold=recipe.cold)
        label = f"{title}, on all data" + (f" {number + 1}/{recipe.members}" if recipe.members > 1 else "")
        with drawn_from(recipe, number):
            again = fit(member, stream, window_loss, lambda _: 0.0, train, title=label, callbacks=callbacks)
        if again.stopped != "finished":
            stopped = again.stopped
            break
        forget_untrained(member, places)
        members.append(member)
    return replace(early, members=tuple(members) or early.members, log=replace(early.log, stopped=stopped))


def _mean_loss(model: nn.Module, windows: Windows, places: Tensor) -> float:
    """Mean loss over places, weighted by how much was observed."""
    total, count = 0.0, 0.0
    for part in places.split(BATCH):
        window = windows.cut(part)
        seen = float(window.future_mask.sum())
        total += float(window_loss(model, window)) * seen
        count += seen
    return total / max(count, 1.0)
