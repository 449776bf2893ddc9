"""What a user may set, and what is taken where they set nothing."""

import difflib
import math
from dataclasses import dataclass, replace

from unspool.cells import find_cell
from unspool.errors import DataError, SettingError
from unspool.forecast import defaults
from unspool.forecast.budget import Budget, read_budget
from unspool.forecast.calendar import usable_features
from unspool.forecast.coding import Coding
from unspool.forecast.cold import check_measured, starts_cold
from unspool.forecast.counts import check_counts
from unspool.forecast.fed import check_fed, fed_lags, usual_head
from unspool.forecast.heads import HEADS
from unspool.forecast.holiday import check_days, holiday_features
from unspool.forecast.model import COUNTING, ModelSettings
from unspool.forecast.networks import FED, NETWORKS, TIMED
from unspool.forecast.normalise import NORMALISATIONS
from unspool.forecast.quantiles import DEFAULT_LEVELS, check_levels
from unspool.forecast.recipe import Recipe, least_past
from unspool.forecast.scaling import check_positive
from unspool.forecast.smoothing import SMOOTHING
from unspool.forecast.tables.panel import Panel
from unspool.forecast.timed import reads_time, timed_cells
from unspool.lang import Cell
from unspool.train import TrainSettings

AUTO = "auto"
"""The name for a cell that is left open."""

EMBEDDED = 1000
"""Series up to which each has an embedding of its own."""


@dataclass(frozen=True)
class Options:
    """Settings of a forecast; None (and "auto") mean: decided from the data by `candidates`.

    Attributes:
        horizon: steps to forecast.
        cell: a cell, a built-in one's name, or FILE.py:NAME; "auto" is searched within a budget, and `gru` without.
        network: "direct", "segment", "onward", "dilated", "seq2seq", or "auto": whichever of the first two does best on
            a validation part, and the third where time is uneven; or "autoregressive", which draws whole paths.
        normalisation: a name in `NORMALISATIONS`, or "auto": by the size of the data.
        gap: steps between the last one seen and the first one forecast.
        window: steps read.
        segment: steps per segment.
        hidden_size, num_layers, dropout: of the recurrence.
        log: whether the logarithm is read and forecast, for positive series that swing in proportion to their level;
            None: with normalisation "smoothing" where all values are positive.
        dilations: for `dilated`, how many steps back each of its layers looks; by the season.
        quantiles: levels; the median is always added.
        validation: steps at the end of each series held back to stop on and to calibrate with.
        steps, learning_rate, batch_size: of training.
        highway: whether a linear autoregression stands beside the recurrence.
        refit: whether the model is fitted anew on all data once its number of steps is known.
        members: models fitted from different seeds, with the refit or without, whose quantiles are averaged; by default
            three of small data that are refitted, and one otherwise.
        seed: of everything that is drawn.
        uneven: whether every row stands at its own time, which the cell reads; None: where the times are irregular and
            lie on no grid, or leave most of it empty, and the cell can read them.
        holidays: countries ("DE", "DE-BY") whose public holidays are features of the calendar.
        cold_start: whether it is trained for series that have hardly begun as well; None: where the table has a series
            shorter than half a window.
        budget: what choosing may take: "60s", "5m", "1h", seconds, or "30 trials"; None for the few candidates that are
            always tried.
        head: a name in `HEADS`, what is made of the network's numbers; "auto": "student" for the network
            "autoregressive", "quantile" for the others.
        lags: steps whose values the network "autoregressive" reads again; by default one and two seasons.
    """

    horizon: int
    cell: Cell | str = AUTO
    network: str = "auto"
    normalisation: str = "auto"
    gap: int = 0
    window: int | None = None
    segment: int | None = None
    hidden_size: int | None = None
    num_layers: int = 1
    dropout: float | None = None
    quantiles: tuple[float, ...] = DEFAULT_LEVELS
    validation: int | None = None
    steps: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    highway: bool | None = None
    refit: bool | None = None
    members: int | None = None
    seed: int = 0
    uneven: bool | None = None
    holidays: tuple[str, ...] = ()
    dilations: tuple[int, ...] | None = None
    log: bool | None = None
    cold_start: bool | None = None
    budget: str | float | Budget | None = None
    head: str = "auto"
    lags: tuple[int, ...] | None = None


OPEN = {
    "cell": AUTO,
    "network": "auto",
    "window": None,
    "segment": None,
    "hidden_size": None,
    "normalisation": "auto",
    "highway": None,
    "learning_rate": None,
}
"""The options that a search within a budget chooses, and what leaves each of them open."""

_COUNTS = (
    *("horizon", "window", "segment", "hidden_size", "num_layers"),
    *("validation", "steps", "batch_size", "members"),
)


def check_options(options: Options) -> Options:
    """Return the options if each has a meaning.

    Raises:
        SettingError, CellError: one has not; the message names it and the hint says what it may be.
    """
    for name in _COUNTS:
        value = getattr(options, name)
        if value is not None and value < 1:
            raise SettingError(f"{name} is {value}", hint=f"give a {name} of at least 1")
    if options.gap < 0:
        raise SettingError(f"gap is {options.gap}", hint="the gap is a number of steps, 0 or more")
    _among("network", options.network, ("auto", *NETWORKS))
    _among("normalisation", options.normalisation, ("auto", *NORMALISATIONS, SMOOTHING))
    _check_dilations(options)
    _among("head", options.head, ("auto", *HEADS))
    check_fed(options)
    if options.dropout is not None and not 0 <= options.dropout < 1:
        raise SettingError(f"dropout is {options.dropout}", hint="it is a probability, 0 or more and below 1")
    if options.learning_rate is not None and not 0 < options.learning_rate < math.inf:
        raise SettingError(f"learning_rate is {options.learning_rate}", hint="give a positive number, e.g. 0.005")
    if not 0 <= options.seed < 2**31:
        raise SettingError(f"seed is {options.seed}", hint="give a whole number from 0 to 2147483647")
    if options.cold_start:
        check_measured(options.normalisation)
    check_levels(options.quantiles)
    holiday_features(options.holidays)
    cell = find_cell(first_cell(options, options.uneven is True))
    if options.uneven:
        _check_timed(options, cell)
    if options.budget is not None:
        read_budget(options.budget)
        _check_open(options)
    return options


def first_cell(options: Options, uneven: bool) -> Cell | str:
    """The cell, or the one that is tried first where it is left open."""
    if options.cell != AUTO:
        return options.cell
    return "lem" if uneven and options.budget is not None else "gru"


def candidates(options: Options, panel: Panel) -> dict[str, Recipe]:
    """The recipes to choose among, by a name that says how they differ; one where nothing is left open.

    Raises:
        DataError: the longest series is too short for the horizon.
    """
    options = settled(options, panel)
    length = max(len(s.values) for s in panel.series)
    season = panel.frequency.season_length
    ahead = options.gap + options.horizon
    validation = options.validation or max(ahead, round(0.1 * length))
    if length < validation + ahead + 2:
        raise DataError(
            f"too few points: the longest series has {length}; a horizon of {options.horizon} needs at least "
            f"{validation + ahead + 2} (as much again for validation)",
            hint="shorten the horizon, or give more data",
        )
    uneven = panel.frequency.uneven
    cell = find_cell(first_cell(options, uneven))
    if uneven:
        _check_timed(options, cell)
    if options.holidays:
        check_days(panel.frequency)
    check_even(panel)
    lookback = _lookback(options, panel)
    if options.normalisation in COUNTING and season > lookback:
        raise SettingError(
            f"normalisation '{options.normalisation}' needs a window of at least a season ({season}); it is {lookback}",
            hint="lengthen the window or take another normalisation",
        )
    if options.dilations and max(options.dilations) > lookback:
        raise SettingError(
            f"a dilation of {max(options.dilations)} looks back further than the window of {lookback}",
            hint="lengthen the window or shorten the dilation",
        )
    windows = sum(max(0, len(s.values) - validation - ahead) for s in panel.series)
    settings = ModelSettings(
        network="",
        normalisation=options.normalisation,
        lookback=lookback,
        horizon=options.horizon,
        gap=options.gap,
        levels=check_levels(options.quantiles),
        head=options.head if options.head != "auto" else usual_head(options.network),
        season=season,
        segment=1,
        hidden_size=options.hidden_size or defaults.default_hidden_size(windows),
        num_layers=options.num_layers,
        dropout=0.2 if options.dropout is None else options.dropout,
        features=(*usable_features(panel), *holiday_features(options.holidays)),
        series=len(panel.series) if 1 < len(panel.series) <= EMBEDDED else 0,
        highway=True,
        uneven=uneven,
        log=_reads_logarithms(options, panel),
        **Coding.of(panel).sizes(),
    )
    if options.normalisation == "auto":
        # A single value has no deviation to divide by.
        usual = "last" if options.cold_start else defaults.default_normalisation(windows)
        settings = replace(settings, normalisation="ratio" if settings.counts else usual)
    if settings.counts:
        check_counts(panel, settings.head)
    if options.network in FED:
        settings = replace(settings, lags=fed_lags(options, lookback, season))
    refit = defaults.default_refit(windows) if options.refit is None else options.refit
    recipe = Recipe(
        model=settings,
        cell=cell,
        train=TrainSettings(
            steps=options.steps or defaults.STEPS,
            learning_rate=options.learning_rate or defaults.default_learning_rate(windows, options.network in FED),
        ),
        batch_size=options.batch_size or defaults.default_batch_size(windows),
        validation=validation,
        refit=refit,
        members=options.members or defaults.default_members(windows, refit),
        seed=options.seed,
        cold=bool(options.cold_start),
    )
    networks = [options.network] if options.network != "auto" else defaults.default_networks(lookback, windows)
    segments = [options.segment] if options.segment else defaults.default_segments(lookback, options.horizon, season)
    highways = [options.highway] if options.highway is not None else defaults.default_highway(windows)
    if uneven:
        networks = list(TIMED)
    if uneven or options.network in FED or settings.counts:
        highways = [False]
    if options.network == "segment":
        segments = segments[:1]  # a network that was named is not searched further than the highway
    forms = [(network, segment) for network in networks for segment in (segments if network == "segment" else [1])]
    dilations = options.dilations or defaults.default_dilations(lookback, season)
    found: dict[str, Recipe] = {}
    for network, segment in forms:
        # The highway is tried both ways in the first form; the others are tried in one way only.
        for highway in highways if (network, segment) == forms[0] else highways[:1]:
            name = f"segment {segment}" if network == "segment" else network
            model = replace(settings, network=network, segment=min(segment, lookback), highway=highway)
            if network == "dilated":
                model = replace(model, dilations=tuple(dilations))
            found[f"{name} + highway" if highway else name] = replace(recipe, model=model)
    return found


def settled(options: Options, panel: Panel) -> Options:
    """The options with `cold_start` decided by all of a table, parts of which are fitted."""
    if options.cold_start is not None:
        return options
    return replace(options, cold_start=starts_cold(panel, least_past(_lookback(options, panel)), options.normalisation))


def _lookback(options: Options, panel: Panel) -> int:
    length = max(len(s.values) for s in panel.series)
    ahead = options.gap + options.horizon
    return options.window or defaults.default_lookback(length, ahead, panel.frequency.season_length)


def check_even(panel: Panel) -> None:
    """Raises `SettingError` where covariates known in the future meet rows at uneven times."""
    if panel.frequency.uneven and panel.of_role("known"):
        raise SettingError(
            "covariates known in the future belong to even steps; the rows are at uneven times",
            hint="name them in --past, or take --no-uneven or a --frequency",
        )


def _reads_logarithms(options: Options, panel: Panel) -> bool:
    """Whether the model reads logarithms; raises `DataError` where it is told to and a value has none."""
    if options.log:
        check_positive(panel)
    if options.log is not None:
        return options.log
    return options.normalisation == SMOOTHING and not any((s.values <= 0).any() for s in panel.series)


def _check_dilations(options: Options) -> None:
    """Raises `SettingError` where dilations have no meaning, or layers are counted twice."""
    if options.network == "dilated" and options.num_layers != 1:
        raise SettingError(
            f"network 'dilated' has a layer for each dilation, and num_layers is {options.num_layers}",
            hint="give the dilations instead, for example 1,4,24",
        )
    if options.dilations is None:
        return
    if options.network != "dilated":
        raise SettingError(f"network '{options.network}' has no dilations", hint="take network dilated")
    if not options.dilations or min(options.dilations) < 1:
        raise SettingError(
            f"the dilations are {options.dilations}", hint="give one or more, each at least 1, for example 1,4,24"
        )


def _check_timed(options: Options, cell: Cell) -> None:
    """Raises `SettingError` where uneven times meet what counts on equal steps."""
    if not reads_time(cell):
        raise SettingError(
            f"the rows are to be read at uneven times, but cell {cell.name} does not read the time between them",
            hint=f"choose one that does: {', '.join(timed_cells())}",
        )
    if options.network not in ("auto", *TIMED):
        raise SettingError(
            f"network '{options.network}' counts on equal steps; the rows are to be read at uneven times",
            hint=f"take network {' or '.join(TIMED)}, or auto",
        )
    if options.highway:
        raise SettingError(
            "a highway counts on equal steps; the rows are to be read at uneven times", hint="leave the highway out"
        )
    if options.normalisation in COUNTING:
        raise SettingError(
            f"normalisation '{options.normalisation}' counts on equal steps; the rows are to be read at uneven times",
            hint="take last, scaled, mean or standard",
        )


def _check_open(options: Options) -> None:
    """Raises `SettingError` where nothing is left to be searched."""
    found = {name for name, value in OPEN.items() if getattr(options, name) == value}
    if not found - ({"segment"} if options.network not in ("auto", "segment") else set()):
        raise SettingError(
            "a budget is for choosing, and nothing is left to choose: every option that it could search is given",
            hint=f"leave out the budget, or one of: {', '.join(OPEN)}",
        )


def _among(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1)
        guess = f"did you mean '{near[0]}'? " if near else ""
        raise SettingError(f"unknown {name} '{value}'", hint=f"{guess}it is one of: {', '.join(known)}")
