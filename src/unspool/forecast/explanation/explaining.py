"""Explain the forecasts of a fitted model: what its members find, in the units and at the times of the data."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from unspool.errors import DataError, ModelError, SettingError
from unspool.forecast.ends import check_ahead, check_ends, panel_tail
from unspool.forecast.explanation.attribution import NODES
from unspool.forecast.explanation.drivers import places_of
from unspool.forecast.explanation.lens import Findings, Lens, mixed
from unspool.forecast.explanation.occlusion import stretches_of
from unspool.forecast.explanation.opened import Opened
from unspool.forecast.explanation.result import Driver, Explained, Explanation, Stretch
from unspool.forecast.fed import check_explained
from unspool.forecast.fitted import FittedModel
from unspool.forecast.recipe import Recipe
from unspool.forecast.tables.panel import Panel, Series

SHOWN = 4
"""Steps of the horizon that are explained where none are named: the first, the last, and evenly between."""

ROWS = 512
"""Windows whose gradients are taken at once."""

RESOLUTION = 1e-6
"""What moves a forecast by less, in units of the series' scale, is rounding."""


@runtime_checkable
class Mixed(Protocol):
    """Models of the same series whose forecasts are averaged, each as often as it counts, and shifted together."""

    @property
    def models(self) -> tuple[FittedModel, ...]:
        """They; their windows may differ in length."""
        ...

    @property
    def counts(self) -> tuple[int, ...]:
        """How often each counts."""
        ...

    @property
    def shifts(self) -> list[list[float]]:
        """[H][Q] conformal shifts, in units of the averaged unit."""
        ...

    @property
    def recipe(self) -> Recipe:
        """That of one of them: horizon, gap, season and levels are those of all."""
        ...


def explain(
    model: FittedModel | Mixed,
    panel: Panel,
    *,
    series: Sequence[str] | None = None,
    ahead: Sequence[int] | None = None,
    nodes: int = NODES,
) -> Explanation:
    """What the point forecasts after the end of each series rest on.

    Args:
        model: the model, or several that are averaged.
        panel: the data, with the covariates known in the future for the horizon.
        series: names of the series to explain; all by default.
        ahead: steps of the horizon to explain, from 1; by default the first, the last and two between.
        nodes: points of the integral; more of them make the sums more exact (`Explained.unexplained`).

    Raises:
        DataError: there is no such series, it has no value in its window, or what is known of the future is not given.
        SettingError: a step is not in the horizon, or nodes is below 1.
        ModelError: no gradient passes through the network, the covariates are others than the model's, or it reads
            logarithms, where sources multiply instead of adding up.

    Cost: for each series and member, nodes + 1 forward passes and for each step as many backward passes, and a forward
    pass for each stretch and driver.
    """
    settings = model.recipe.model
    if settings.log:
        raise ModelError(
            "this model reads logarithms: what its forecast rests on multiplies, and does not add up",
            hint="fit one without --log (in Python: log=False) to explain it",
        )
    check_explained(settings.network, settings.head)
    steps = _steps(ahead, settings.horizon)
    if nodes < 1:
        raise SettingError(f"nodes is {nodes}", hint="give a number of points, for example 32")
    parts, counts = parts_of(model), model.counts if isinstance(model, Mixed) else (1,)
    lookbacks = [part.recipe.model.lookback for part in parts]
    panel = _of_series(panel, series)
    check_ends(panel, min(lookbacks))
    check_ahead(panel, settings.gap + settings.horizon)
    stretches = stretches_of(max(lookbacks), settings.season)
    lenses = [_lens(part, model.shifts, stretches, steps, nodes) for part in parts]
    looks = [_looks(part, lens, panel) for part, lens in zip(parts, lenses, strict=True)]
    scales, _ = parts[0].scales_of(panel)
    last = np.array([one.times[-1] for one in panel.series])
    times = panel.frequency.after(last, settings.gap + settings.horizon)[:, [settings.gap + step - 1 for step in steps]]
    explained, k = [], 0
    for together in zip(*looks, strict=True):
        found = mixed(together, counts)
        for row in range(len(found.forecast)):
            scale = float(scales.centre[k]), float(scales.spread[k])
            explained.append(_explained(panel.series[k], times[k], scale, found, row, lenses[0]))
            k += 1
    frequency = panel.frequency
    return Explanation(tuple(explained), panel.columns, frequency.noun, settings.season, panel.time_style)


def parts_of(model: FittedModel | Mixed) -> tuple[FittedModel, ...]:
    """The models that are averaged; the model itself, where it is one."""
    return model.models if isinstance(model, Mixed) else (model,)


def _lens(
    model: FittedModel, shifts: list[list[float]], stretches: list[tuple[int, int]], steps: list[int], nodes: int
) -> Lens:
    settings = model.recipe.model
    return Lens(
        [Opened(member, shifts) for member in model.members],
        model.coding.sizes(),
        places_of(settings, model.coding),
        stretches,
        [step - 1 for step in steps],
        settings.gap,
        nodes,
    )


def _looks(model: FittedModel, lens: Lens, panel: Panel) -> Iterator[Findings]:
    """What is found in the windows before the ends of the series, a batch at a time."""
    scales, known = model.scales_of(panel)
    windows = model.windows(panel_tail(panel, model.recipe.model.lookback + 1), scales)
    ends = windows.ends()
    for part in torch.arange(len(ends)).split(max(1, ROWS // (lens.nodes + 2))):
        yield lens.look(replace(windows.cut(ends[part]), series=torch.from_numpy(known[part.numpy()])))


def _explained(
    series: Series, times: np.ndarray, scale: tuple[float, float], found: Findings, row: int, lens: Lens
) -> Explained:
    """The findings in the row, cut to the steps that the series has and in its units."""
    centre, spread = scale
    lookback = found.values.shape[2]
    size = min(lookback, len(series.values))
    values, added = series.values[-size:], spread * found.values[row, :, lookback - size :]
    starts = [0 if place.role == "static" else lookback - size for place in lens.places]
    beside = [spread * part[row][:, start:] for part, start in zip(found.drivers, starts, strict=True)]
    parts = [(first, min(last, size)) for first, last in lens.stretches if first <= size]
    past = [added[:, size - last : size - first + 1].sum(1) for first, last in parts]
    shares = _shares([*past, *(part.sum(1) for part in beside)], least=RESOLUTION * spread)
    stretches = [
        Stretch(*lags, attribution, spread * occlusion, share)
        for lags, attribution, occlusion, share in zip(parts, past, found.past[row], shares, strict=False)
    ]
    drivers = []
    for at, (place, part) in enumerate(zip(lens.places, beside, strict=True)):
        slope = found.driver_slopes[at][row][:, -part.shape[1] :]
        drivers.append(
            Driver(
                name=place.name,
                role=place.role,
                steps=np.arange(0 if place.role == "static" else part.shape[1]) + 1 - size,
                attribution=part,
                gradient=None if place.spread is None else slope * spread / place.spread,
                occlusion=spread * found.beside[row, at],
                share=shares[len(parts) + at],
            )
        )
    return Explained(
        id=series.id,
        times=series.times[-size:],
        values=values,
        ahead=tuple(step + 1 for step in lens.ahead),
        times_ahead=times,
        gap=lens.gap,
        forecast=spread * found.forecast[row] + centre,
        rest=spread * found.rest[row] + centre,
        level=float(np.nanmean(values)),
        attribution=added,
        gradient=found.slopes[row, :, lookback - size :],
        stretches=tuple(stretches),
        drivers=tuple(drivers),
    )


def _shares(added: list[np.ndarray], least: float) -> list[float]:
    """Each source's part of all that is added and taken off; zeros where that is no more than rounding."""
    sizes = [float(np.abs(part).sum()) for part in added]
    total = sum(sizes)
    return [part / total if total > least else 0.0 for part in sizes]


def _steps(ahead: Sequence[int] | None, horizon: int) -> list[int]:
    if ahead is None:
        return sorted({round(at) for at in np.linspace(1, horizon, SHOWN)})
    odd = next((step for step in ahead if not 1 <= step <= horizon), None)
    if odd is not None or not ahead:
        said = "no step ahead is named to explain" if odd is None else f"step {odd} is not among those forecast"
        raise SettingError(said, hint=f"give steps from 1 to {horizon}")
    return sorted(set(ahead))


def _of_series(panel: Panel, names: Sequence[str] | None) -> Panel:
    """The panel with the named series only."""
    if names is None:
        return panel
    wanted: Any = [names] if isinstance(names, str) else names
    known = {one.id: one for one in panel.series}
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            listed = ", ".join(repr(one) for one in list(known)[:8]) + (" …" if len(known) > 8 else "")
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise DataError(f"there is no series {name!r} in the data", hint=f"{guess}there are {listed}")
    if not wanted:
        raise DataError("no series is named to explain", hint="leave the names out to explain all")
    return replace(panel, series=tuple(known[name] for name in dict.fromkeys(wanted)))
