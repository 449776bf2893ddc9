"""Times on no grid: when they are that, what their step is, and what is said of them.

The step is the typical gap, the lower median of the distances between neighbouring rows of a series: a distance that
occurs, so that whole seconds stay whole, and that scales with the times.
"""

import numpy as np

from unspool.errors import SettingError
from unspool.forecast.tables.every import DAY, SECOND, read_every
from unspool.forecast.tables.frequency import Frequency, uneven
from unspool.forecast.tables.inference import within
from unspool.forecast.tables.panel import Finding, Panel
from unspool.forecast.timed import timed_cells


def irregular(times: np.ndarray, starts: np.ndarray) -> bool:
    """Whether no distance between neighbours is the usual one: fewer than half of them are alike."""
    apart = np.diff(times)[within(len(times), starts)]
    return len(apart) > 1 and 2 * int(np.unique(apart, return_counts=True)[1].max()) < len(apart)


def own_frequency(times: np.ndarray, starts: np.ndarray, zone: str | None, given: str | None = None) -> Frequency:
    """Steps of the length `given`, or of the typical gap of the times ([n], the series one after the other).

    Raises:
        SettingError: `given` has no fixed length, or does not fit the times.
    """
    unit = {"i": "integer", "f": "decimal"}.get(times.dtype.kind, "microsecond")
    if given is None:
        apart = np.sort(np.diff(times)[within(len(times), starts)])
        # single rows have no gap; their series will be refused as too short, so any will do
        gap = apart[(len(apart) - 1) // 2] if len(apart) else np.array(SECOND if unit == "microsecond" else 1)
        return uneven(unit, float(gap) if unit == "decimal" else int(gap.astype(np.int64)), zone)
    counted, step = read_every(given)
    if counted == "day":
        counted, step = "microsecond", step * DAY
    if counted == "integer" and unit == "decimal":
        counted, step = "decimal", float(step)
    if counted != unit:
        raise SettingError(
            f"frequency {given!r} is no length of time that fits rows at uneven times",
            hint="give one of a fixed length (15m, 1h, 1d; a number where times are numbers), or leave it out",
        )
    return uneven(unit, step, zone, given=True)


def typical(panel: Panel) -> Frequency:
    """The frequency of an uneven panel whose step is the typical gap of its series."""
    lengths = [len(series.times) for series in panel.series]
    times = np.concatenate([series.times for series in panel.series])
    return own_frequency(times, np.cumsum([0, *lengths[:-1]]), panel.frequency.zone)


def say_gaps(panel: Panel) -> list[Finding]:
    """That the rows are uneven, and by how much."""
    gaps = [panel.frequency.steps_between(s.times) for s in panel.series if len(s.times) > 1]
    if not gaps:
        return []
    every = np.concatenate(gaps)
    said = f"the gaps between rows are {every.min():.3g} to {every.max():.3g} steps, and each row is read with its own"
    return [Finding("uneven", "", f"the times are {panel.frequency.name}; {said}")]


def own_times_hint() -> str:
    """What to do where times are meant to fit no grid."""
    return f"or, if the times are uneven, choose a cell that reads the time between rows ({', '.join(timed_cells())})"
