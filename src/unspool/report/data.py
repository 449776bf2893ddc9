"""What a report is made of: everything it says comes from here, and nothing is read from elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from unspool.forecast.explanation import Explanation
from unspool.forecast.result import Backtest, Choice, Forecast, TrainingLog

History = tuple[str, Sequence[str] | np.ndarray, np.ndarray]
"""A series for the report: its id, its n times (text, datetime64, int or float), its n values (NaN: missing)."""


def plain_labels(times: np.ndarray) -> list[str]:
    """Times as text where the caller gives no `time_labels`: ISO dates, or the number."""
    times = np.asarray(times)
    if times.dtype.kind != "M":
        return [str(time) for time in times.tolist()]
    days = times.astype("datetime64[D]")
    unit = "D" if bool(np.all(days == times)) else "s"
    return [str(text) for text in np.datetime_as_string(times, unit=unit)]


@dataclass(frozen=True)
class ReportData:
    """One forecasting job, as its report shows it.

    Attributes:
        title: the heading, in the user's words ("co2: 52 weeks ahead").
        history: each series with its times and values; thousands are welcome, a dozen is drawn.
        forecast: the forecast past the end; None where the job was a backtest only.
        backtest: the rolling-origin backtest; None where it was not asked for.
        training: the logs of the fits, the final one first.
        choice: what `auto` tried; None where the user chose.
        findings: what was found in the data, one sentence each.
        settings: option → value, in the order to print them.
        command: the command line (or the Python call) that makes this result again.
        versions: program → version.
        time_labels: the text of an array of times, in the style of the user's table.
        explanation: what the forecast rests on, of all series that are drawn (`selection.select_series`) in their
            order; None where it is not known.
        inspect: the command that looks inside the network.
    """

    title: str
    history: Sequence[History]
    forecast: Forecast | None = None
    backtest: Backtest | None = None
    training: Sequence[TrainingLog] = ()
    choice: Choice | None = None
    findings: Sequence[str] = ()
    settings: dict[str, str] = field(default_factory=dict)
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    time_labels: Callable[[np.ndarray], list[str]] = plain_labels
    explanation: Explanation | None = None
    inspect: str = ""
