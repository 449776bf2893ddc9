"""A forecasting model: normalise the window, read it with a network, give quantiles of the horizon."""

from dataclasses import MISSING, dataclass, fields
from typing import Any, final

import torch
from torch import Tensor, nn

from unspool.errors import ModelError, SettingError
from unspool.forecast.effects import Effects
from unspool.forecast.embedded import Embedded
from unspool.forecast.heads import COUNTS, HEADS, Quantile
from unspool.forecast.holiday import PREFIX
from unspool.forecast.networks import FED, NETWORKS, TIMED, Autoregressive
from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.normalise import NORMALISATIONS, Level
from unspool.forecast.quantiles import check_levels, quantile_loss
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
        head: a name in `HEADS`.
        lags: steps whose values are read again, for networks that are fed their forecast.
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
    head: str = "quantile"
    lags: tuple[int, ...] = ()

    @property
    def is_fed(self) -> bool:
        """Whether the network reads its own forecast."""
        return self.network in FED

    @property
    def counts(self) -> bool:
        """Whether values are never negative."""
        return self.head in COUNTS

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for `json.dumps`; those with a default only where they differ from it."""
        usual = {f.name: f.default for f in fields(self) if f.default is not MISSING}
        return {name: value for name, value in to_record(self).items() if name not in usual or value != usual[name]}

    @classmethod
    def from_json(cls, data: Any) -> "ModelSettings":
        """The settings that `to_json` wrote; `ModelError` where they were damaged."""
        settings = from_record(cls, data, "model settings")
        if (odd := _odd(settings)) is not None:
            raise ModelError(f"the saved model settings are damaged: {odd}", hint="fit and save the model again")
        return settings


SAMPLED = 200
"""Paths whose quantiles are those of a network that is fed its forecast."""

ROWS = 4096
"""Paths that are drawn at once."""

QUANTILES = 256
"""Windows whose paths are sorted at once: torch sorts no more than 16 million numbers."""


@final
class ForecastModel(nn.Module):
    """Window → quantiles.

    quantiles = level + unit · (head(network(window)) + highway(window)) + effects(what is known ahead)

    The effects, of known covariates and holidays, are taken off the window before all else (see `Effects`). The highway
    is the linear autoregression of Lai et al. 2018, arXiv:1703.07015 (LSTNet), beside the recurrence.
    """

    def __init__(self, settings: ModelSettings, cell: Cell) -> None:
        super().__init__()
        self.settings = settings
        self.head = HEADS[settings.head](settings.levels)
        known, past_only, static = (_embedded(sizes) for sizes in (settings.known, settings.past, settings.static))
        beside = len(settings.features) + (known.channels if known else 0)
        self.network = NETWORKS[settings.network](
            Plan(
                cell,
                settings.lookback,
                settings.horizon,
                self.head.outputs,
                beside,
                settings.hidden_size,
                settings.num_layers,
                settings.dropout,
                settings.segment,
                settings.uneven,
                past_only.channels if past_only else 0,
                dilations=settings.dilations,
                head=self.head,
                lags=settings.lags,
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
        # An effect is added, and what is never negative bears no sum: there the network alone reads what is known.
        self.effects = Effects(driving) if driving and not settings.counts else None
        self.of_static = nn.Linear(static.channels, self.network.identity_size, bias=False) if static else None
        self.register_buffer("levels", torch.tensor(settings.levels), persistent=False)
        self.median = settings.levels.index(0.5)

    def forward(self, window: Window, taught: bool = False) -> tuple[Tensor, Tensor] | Tensor:
        """Quantiles [B, H, Q] in units of the series' scale, and the unit [B] of this window's errors.

        Where it is taught, the loss instead (see `loss`): what trains a module calls nothing but this.

        Where it is fed its forecast, they are those of `SAMPLED` paths; their noise is the same for every window, so
        that no forecast depends on what is forecast beside it.
        """
        if taught:
            return self.loss(window)
        frame = self._frame(window)
        if self.settings.is_fed:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                paths = self.paths(window, SAMPLED, self.head.noise(1, SAMPLED, self.settings.horizon))
            return quantiles_of(paths, self.settings), frame.unit[:, 0]
        quantiles = self.head.quantiles(self.network(frame.reading), self.settings.levels, frame.size)
        if self.highway is not None:
            quantiles = quantiles + self.highway(frame.reading.past)[..., None]
        return frame.level[..., None] + frame.unit[..., None] * quantiles, frame.unit[:, 0]

    def loss(self, window: Window) -> Tensor:
        """What training makes small, in units of each window: `quantile_loss`, or the likelihood of the head.

        A network that is fed its forecast is told the values of the horizon here, each after it was to be forecast.
        """
        mask = window.future_mask
        if isinstance(self.head, Quantile) and not self.settings.is_fed:
            quantiles, unit = self(window)
            assert isinstance(self.levels, Tensor)
            return quantile_loss(quantiles / unit[:, None, None], window.future / unit[:, None], mask, self.levels)
        frame = self._frame(window)
        target = (window.future - frame.level) / frame.unit
        if isinstance(self.network, Autoregressive):
            told = self.network(frame.reading, target * mask, mask)
            return self.head.loss(told[:, -self.settings.horizon :], target, mask, frame.size)
        if self.highway is not None:
            target = target - self.highway(frame.reading.past)
        return self.head.loss(self.network(frame.reading), target, mask, frame.size)

    @torch.no_grad()
    def paths(self, window: Window, count: int, noise: dict[str, Tensor]) -> Tensor:
        """[B, count, H] paths of a network that is fed its forecast, in units of the series' scale.

        A path's steps belong together. The noise is the head's, [B, count, H], or [1, count, H] for all windows.
        """
        assert isinstance(self.network, Autoregressive)
        frame = self._frame(window)
        some, drawn = max(1, ROWS // count), []
        for first in range(0, len(frame.unit), some):
            reading, size = frame.reading.rows(first, first + some), frame.size[first : first + some, 0]
            part = {
                name: n.expand(len(size), -1, -1) if len(n) == 1 else n[first : first + some]
                for name, n in noise.items()
            }
            drawn.append(self.network.paths(reading, count, part, size))
        return frame.level[:, None] + frame.unit[:, None] * torch.cat(drawn)

    def _frame(self, window: Window) -> "_Frame":
        """The window as the network reads it, and the way back."""
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
        reading = Reading(
            past=(values - level.past) / level.unit * window.past_mask,
            mask=window.past_mask,
            calendar_past=beside[:, : s.lookback],
            calendar_future=beside[:, -s.horizon :],
            identity=self._identity(window),
            dt=window.dt,
            past_only=self.past_only(window.past_only) if self.past_only and window.past_only else None,
        )
        future = level.future[:, -s.horizon :] if level.future.shape[1] > 1 else level.future
        if effects is not None:
            future = future + effects[:, -s.horizon :]
        size = level.unit if window.unit is None else level.unit * window.unit[:, None]
        return _Frame(reading, future, level.unit, size)

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


@dataclass(frozen=True)
class _Frame:
    """A window as it is read: what is forecast is level + unit · what the network says.

    Attributes:
        reading: for the network.
        level: [B, H] or [B, 1] what was taken off.
        unit: [B, 1] what was divided by.
        size: [B, 1] the unit, in the data's own.
    """

    reading: Reading
    level: Tensor
    unit: Tensor
    size: Tensor


def quantiles_of(paths: Tensor, settings: ModelSettings) -> Tensor:
    """[B, H, Q] of paths [B, P, H]; where values are counts, one that was drawn."""
    levels, how = torch.tensor(settings.levels), "nearest" if settings.counts else "linear"
    parts = [some.quantile(levels, 1, interpolation=how) for some in paths.split(QUANTILES)]
    return torch.cat(parts, 1).permute(1, 2, 0)


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
    if settings.head not in HEADS or settings.counts != (settings.normalisation == "ratio"):
        return f"head {settings.head!r} with normalisation {settings.normalisation!r}"
    if settings.is_fed and (settings.gap or settings.highway):
        return f"network {settings.network!r} with a gap or a highway"
    if settings.counts and settings.highway:
        return f"head {settings.head!r} with a highway"
    if not all(2 <= lag <= settings.lookback for lag in settings.lags):
        return f"lags {settings.lags} in a window of {settings.lookback}"
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
