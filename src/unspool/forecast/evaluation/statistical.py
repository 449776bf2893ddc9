"""AutoETS, AutoARIMA and AutoTheta of statsforecast (the extra `unspool[baselines]`), with their own quantiles.

Exponential smoothing chosen by AICc (Hyndman & Khandakar 2008, Journal of Statistical Software 27(3)), seasonal ARIMA
chosen stepwise (the same), and the best of four Theta models (Fiorucci et al. 2016, IJF 32(4)), each fitted to one
series at a time with the season of `seasonal_naive` and every other setting at statsforecast's default. Values and
intervals are statsforecast's own; at level ½ stands its point forecast.

What they cannot do is done by rule, and counted in `Statistical.notes`:

    values missing inside a series    put on the straight line between their neighbours
    missing before the first value    left out
    missing after the last value      left out, and forecast from there: as many steps more
    a series that a method cannot fit the seasonal naive in its place, all mass on the point
    a method that takes too long      left out of the backtest
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter
from typing import final

import numpy as np

from unspool.errors import SettingError
from unspool.forecast.evaluation.baselines import History, seasonal_naive
from unspool.forecast.evaluation.fitters import Answer, Fitters
from unspool.forecast.tables.frequency import Frequency

METHODS = ("AutoETS", "AutoARIMA", "AutoTheta")
"""statsforecast's names; also the methods' in a backtest."""

SECONDS = 120.0
"""What each method may take over a whole backtest, where nothing else is said."""

CHOICES = ("usual", "statistical")


def check_baselines(choice: str, seconds: float, frequency: Frequency | None = None) -> None:
    """Raises `SettingError` where the baselines that are asked for cannot be had, or not for this frequency."""
    if choice not in CHOICES:
        raise SettingError(f"unknown baselines '{choice}'", hint=f"it is one of: {', '.join(CHOICES)}")
    if not 0 < seconds < float("inf"):
        raise SettingError(f"baseline_seconds is {seconds:g}", hint="give the seconds that a method may take, e.g. 120")
    if choice == "usual":
        return
    if find_spec("statsforecast") is None:
        raise SettingError(
            f"{_and(METHODS)} are not installed", hint="pip install 'unspool[baselines]', or leave out the baselines"
        )
    if frequency is not None and frequency.uneven:
        raise SettingError(
            f"{_and(METHODS)} count on equal steps; the rows are at uneven times",
            hint="leave out the statistical baselines, or read the rows on a grid (--no-uneven)",
        )


@dataclass(frozen=True)
class Rival:
    """A method's forecasts: point [N, H] and quantiles [N, H, Q]."""

    point: np.ndarray
    quantiles: np.ndarray


@final
class Statistical:
    """The three methods over the folds of one backtest. A context: its processes have ended when it is left.

    Args:
        forecasts: how many each method has to make: the series of all folds.
        seconds: for each method in all; what importing statsforecast takes (some 3 s) is not counted.
        tell: told of each method that is done with a fold.
    """

    def __init__(self, forecasts: int, seconds: float = SECONDS, tell: Callable[[str], None] | None = None) -> None:
        self._forecasts, self._seconds, self._tell = forecasts, seconds, tell
        self._fitters = Fitters()
        self._taken = dict.fromkeys(METHODS, 0.0)  # seconds
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._filled: dict[str, int] = {}
        self.left_out: dict[str, str] = {}

    def __enter__(self) -> "Statistical":
        self._fitters.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._fitters.__exit__(*error)

    def forecast(
        self,
        ids: Sequence[str],
        histories: Sequence[History],
        horizon: int,
        season: int,
        levels: Sequence[float],
        gap: int = 0,
    ) -> dict[str, Rival]:
        """The forecasts of steps gap + 1 … gap + horizon, by the name of each method that has not been left out."""
        whole = [whole_of(values) for values in histories]
        self._filled = {name: clean.filled for name, clean in zip(ids, whole, strict=True) if clean.filled}
        naive = np.stack([seasonal_naive(values, gap + horizon, season)[gap:] for values in histories])
        found = {}
        for method in METHODS:
            if method in self.left_out:
                continue
            tasks = [
                {
                    "method": method,
                    "season": season,
                    "horizon": clean.behind + gap + horizon,
                    "levels": sorted({_interval(level) for level in levels if level != 0.5}),
                    "values": clean.values.tolist(),
                }
                for clean in whole
            ]
            self._fitters.start(len(tasks))
            began = perf_counter()
            answers = self._fitters.work(tasks, self._seconds - self._taken[method])
            took = perf_counter() - began
            self._taken[method] += took
            self._done[method] += sum(answer is not None for answer in answers)
            if any(answer is None for answer in answers):
                self._leave_out(method)
                continue
            if self._tell is not None:
                self._tell(f"{method} {took:.1f} s")
            made = [_read(answer or {}, levels, horizon) for answer in answers]
            for k, rival in enumerate(made):
                if rival is None:
                    self._failed[method] += 1
                    reason = (answers[k] or {}).get("error", "its forecast is not finite")
                    self._reasons.setdefault(method, f"series {ids[k]!r}: {reason}")
                    made[k] = Rival(naive[k], np.repeat(naive[k][:, None], len(levels), axis=1))
            points, quantiles = zip(*((rival.point, rival.quantiles) for rival in made if rival), strict=True)
            found[method] = Rival(np.stack(points), np.stack(quantiles))
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the table should know."""
        said = list(self.left_out.values())
        for method, count in self._failed.items():
            if method not in self.left_out:
                of = f"{self._done[method]} forecast{'s' if self._done[method] > 1 else ''}"
                said.append(
                    f"{method} failed on {count} of {of}, a series at a cutoff each: the seasonal naive in their place "
                    f"({self._reasons[method]})"
                )
        if self._filled:
            count, series = sum(self._filled.values()), len(self._filled)
            said.append(
                f"{_and(METHODS)} take no missing values: before the last cutoff, {count} in {series} series "
                "were put on the straight line between their neighbours"
            )
        return tuple(said)

    def _leave_out(self, method: str) -> None:
        done, seconds = self._done[method], self._seconds
        needed = f"about {seconds * self._forecasts / done:.0f}" if done else "more"
        self.left_out[method] = (
            f"{method} is left out: {done} of {self._forecasts} forecasts were done in its {seconds:g} seconds; "
            f"it needs {needed} here (--baseline-seconds)"
        )
        if self._tell is not None:
            self._tell(f"{method} left out after {seconds:g} s")


@dataclass(frozen=True)
class Whole:
    """A history without missing values; `filled` of them were made, and `behind` came after the last value."""

    values: np.ndarray
    filled: int
    behind: int


def whole_of(values: History) -> Whole:
    """From the first to the last observed value, those between on straight lines."""
    seen = np.flatnonzero(~np.isnan(values))
    if not seen.size:
        return Whole(np.empty(0), 0, len(values))
    inside = np.arange(seen[0], seen[-1] + 1)
    whole = np.interp(inside, seen, values[seen])
    return Whole(whole, len(inside) - len(seen), len(values) - 1 - int(seen[-1]))


def _interval(level: float) -> float:
    """The nominal coverage in % of the central interval that ends at a quantile level."""
    return round(100 * abs(2 * level - 1), 9)


def _read(answer: Answer, levels: Sequence[float], horizon: int) -> Rival | None:
    """The last H steps of an answer; None where it is an error or not finite."""
    if "mean" not in answer:
        return None
    names = ["mean" if v == 0.5 else f"{'lo' if v < 0.5 else 'hi'}-{_interval(v)}" for v in levels]
    point = np.array(answer["mean"], np.float64)[-horizon:]
    parts = [np.array(answer[name], np.float64)[-horizon:] for name in names]
    quantiles = np.stack(parts, axis=-1) if parts else np.empty((horizon, 0))
    return Rival(point, quantiles) if np.isfinite(point).all() and np.isfinite(quantiles).all() else None


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
