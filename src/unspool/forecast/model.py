"""A forecasting model: normalise the window, read it with a network, give quantiles of the horizon."""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from unspool.errors import ModelError, SettingError
from unspool.forecast.effects import Effects
from unspool.forecast.embedded import Embedded
from unspool.forecast.holiday import PREFIX
from unspool.forecast.networks import NETWORKS, TIMED
from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.normalise import NORMALISATIONS, Level
from unspool.forecast.quantiles import check_levels, ordered
from unspool.forecast.record import from_record, to_record
from unspool.forecast.smoothing import SMOOTHING, Smoothing
from unspool.forecast.tables.panel import ROLES
from unspool.forecast.windows import Window
from unspool.lang import Cell


@dataclass(frozen=True)
class ModelSettings:
    """Everything a model is built from, besides its cell.

    Attributes:
        network: a name in `NETWORKS`.
        normalisation: a name in `NORMALISATIONS`.
        lookback, horizon, gap: steps read; steps forecast; steps between the two.
        levels: quantile levels, ascending, with ½ among them.
        season: steps per season.
        segment: steps per segment, for `segment`.
        hidden_size, num_layers, dropout: of the recurrence.
        features: names of the calendar features.
        series: series told apart by an embedding; 0 for none.
        highway: whether a linear map of the window is added (the autoregressive part of LSTNet).
        uneven: whether the cell reads the time since the step before, for rows at uneven times.
        known, past, static: the covariates of each role: the number of its categories, or 0 for one that is a number.
        dilations: of the layers, for `dilated`; empty for the others.
        log: whether the series' scale is that of their logarithms.
    """

    network: str
    normalisation: str
    lookback: int
    horizon: int
    gap: int
    levels: tuple[float, ...]
    season: int
    segment: int
    hidden_size: int
    num_layers: int
    dropout: float
    features: tuple[str, ...]
    series: int
    highway: bool
    uneven: bool = False
    known: tuple[int, ...] = ()
    past: tuple[int, ...] = ()
    static: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    log: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for `json.dumps`; what is newer than the format only where it is set."""
        return {name: value for name, value in to_record(self).items() if name not in _LATER or value}

    @classmethod
    def from_json(cls, data: Any) -> "ModelSettings":
        """The settings that `to_json` wrote; `ModelError` where they were damaged."""
        settings = from_record(cls, data, "model settings")
        if (odd := _odd(settings)) is not None:
            raise ModelError(f"the saved model settings are damaged: {odd}", hint="fit and save the model again")
        return settings


_LATER = ("uneven", *ROLES, "dilations", "log")
"""Fields that models without them do not write."""


@final
class ForecastModel(nn.Module):
    """Window → quantiles.

    quantiles = level + unit · (ordered(network(window)) + highway(window)) + effects(what is known ahead)

    The effects, of known covariates and holidays, are taken off the window before all else (see `Effects`). The highway
    is the linear autoregression of Lai et al. 2018, arXiv:1703.07015 (LSTNet), beside the recurrence.
    """

    def __init__(self, settings: ModelSettings, cell: Cell) -> None:
        super().__init__()
        self.settings = settings
        outputs = len(settings.levels)
        known, past_only, static = (_embedded(sizes) for sizes in (settings.known, settings.past, settings.static))
        beside = len(settings.features) + (known.channels if known else 0)
        self.network = NETWORKS[settings.network](
            Plan(
                cell,
                settings.lookback,
                settings.horizon,
                outputs,
                beside,
                settings.hidden_size,
                settings.num_layers,
                settings.dropout,
                settings.segment,
                settings.uneven,
                past_only.channels if past_only else 0,
                settings.dilations,
            )
        )
        self.highway = nn.Linear(settings.lookback, settings.horizon) if settings.highway else None
        if self.highway is not None:
            nn.init.zeros_(self.highway.weight)
            nn.init.zeros_(self.highway.bias)
        self.identity = nn.Embedding(settings.series, self.network.identity_size) if settings.series else None
        if self.identity is not None:
            nn.init.normal_(self.identity.weight, std=0.1)
        self.smoothing = Smoothing(settings.series, settings.season) if settings.normalisation == SMOOTHING else None
        self.known, self.past_only, self.static = known, past_only, static
        self.cycles = sum(not name.startswith(PREFIX) for name in settings.features)
        driving = beside - self.cycles
        self.effects = Effects(driving) if driving else None
        self.of_static = nn.Linear(static.channels, self.network.identity_size, bias=False) if static else None
        self.register_buffer("levels", torch.tensor(settings.levels), persistent=False)
        self.median = settings.levels.index(0.5)

    def forward(self, window: Window) -> tuple[Tensor, Tensor]:
        """Quantiles [B, H, Q] in units of the series' scale, and the unit [B] of this window's errors."""
        s = self.settings
        values = window.past
        beside = window.calendar
        if self.known is not None and window.known is not None:
            beside = torch.cat([beside, self.known(window.known)], -1)
        effects = None
        if self.effects is not None:
            effects = self.effects(beside[..., self.cycles :])
            values = (values - effects[:, : s.lookback]) * window.past_mask
        level = self._level(values, window)
        past = (values - level.past) / level.unit * window.past_mask
        reading = Reading(
            past=past,
            mask=window.past_mask,
            calendar_past=beside[:, : s.lookback],
            calendar_future=beside[:, -s.horizon :],
            identity=self._identity(window),
            dt=window.dt,
            past_only=self.past_only(window.past_only) if self.past_only and window.past_only else None,
        )
        quantiles = ordered(self.network(reading), self.median)
        if self.highway is not None:
            quantiles = quantiles + self.highway(past)[..., None]
        future = level.future[:, -s.horizon :] if level.future.shape[1] > 1 else level.future
        if effects is not None:
            future = future + effects[:, -s.horizon :]
        return future[..., None] + level.unit[..., None] * quantiles, level.unit[:, 0]

    def _level(self, values: Tensor, window: Window) -> Level:
        """What is taken off the window's values and put back on the steps after it."""
        s = self.settings
        if self.smoothing is not None:
            return self.smoothing(values, window, s.gap + s.horizon)
        return NORMALISATIONS[s.normalisation](values, window.past_mask, s.horizon + s.gap, s.season)

    def _identity(self, window: Window) -> Tensor:
        """[B, ·] the embedding of each window's series, zero for a new one (−1), and what its static covariates add."""
        found = window.past.new_zeros(window.past.shape[0], self.network.identity_size)
        if self.identity is not None:
            known = window.series >= 0
            found = self.identity(window.series.clamp(min=0)) * known[:, None]
        if self.static is not None and self.of_static is not None and window.static is not None:
            found = found + self.of_static(self.static(window.static))
        return found


def _embedded(sizes: tuple[int, ...]) -> Embedded | None:
    return Embedded(sizes) if sizes else None


COUNTING = ("season", SMOOTHING)
"""Normalisations that count the steps of a season."""

LONGEST = 10_000_000
"""No model reads, skips or forecasts so many steps: a record that says so is damaged."""


def _odd(settings: ModelSettings) -> str | None:
    """What about the settings no model can have; None if nothing."""
    least = {"lookback": 1, "horizon": 1, "season": 1, "segment": 1, "hidden_size": 1, "num_layers": 1}
    for name, low in {**least, "gap": 0, "series": 0}.items():
        if not low <= getattr(settings, name) <= LONGEST:
            return f"{name} is {getattr(settings, name)}"
    if settings.network not in NETWORKS or settings.normalisation not in (*NORMALISATIONS, SMOOTHING):
        return f"network {settings.network!r}, normalisation {settings.normalisation!r}"
    if settings.uneven and (settings.network not in TIMED or settings.highway):
        return f"network {settings.network!r} for uneven times{' with a highway' if settings.highway else ''}"
    for role in ROLES:
        sizes = getattr(settings, role)
        if not all(type(size) is int and 0 <= size <= LONGEST for size in sizes):
            return f"{role} is {sizes}"
    if bool(settings.dilations) != (settings.network == "dilated") or not all(
        type(dilation) is int and 1 <= dilation <= settings.lookback for dilation in settings.dilations
    ):
        return f"network {settings.network!r} with dilations {settings.dilations}"
    if not 0 <= settings.dropout < 1:
        return f"dropout is {settings.dropout}"
    if settings.uneven and settings.normalisation in COUNTING:
        return f"normalisation {settings.normalisation!r} for uneven times"
    if settings.normalisation in COUNTING and settings.season > settings.lookback:
        return f"a season of {settings.season} steps in a window of {settings.lookback}"
    try:
        levels = check_levels(settings.levels)
    except (SettingError, TypeError):
        levels = ()
    return None if levels == settings.levels else f"quantiles {settings.levels}"
