"""What was found in the data, said by series, number and time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.panel import ROLES, Covariate, Finding, Panel
from unspool.forecast.tables.times import TimeStyle

ENOUGH = 3
"""A series needs so many values to be one."""


@dataclass(frozen=True)
class Hole:
    """Steps of a series that have no row ("gap"), or a row without a value ("missing").

    Attributes:
        kind: "gap" or "missing".
        series: its name.
        absent: [n] bool, true somewhere.
        times: [n] its grid.
    """

    kind: str
    series: str
    absent: np.ndarray
    times: np.ndarray


def say_holes(holes: list[Hole], frequency: Frequency, style: TimeStyle) -> list[Finding]:
    """One finding for each hole: how many steps of how many, the first, and the longest run."""
    if not holes:
        return []
    runs = [_longest_run(hole.absent) for hole in holes]
    # all labels at once: thousands of series have thousands of holes
    moments = [hole.times[[int(hole.absent.argmax()), start]] for hole, (start, _) in zip(holes, runs, strict=True)]
    labels = style.labels(np.concatenate(moments))
    return [
        _finding(hole, run, labels[2 * k], labels[2 * k + 1], frequency.noun)
        for k, (hole, (_, run)) in enumerate(zip(holes, runs, strict=True))
    ]


def say_covariates(panel: Panel) -> list[Finding]:
    """Which covariates there are, and how much of each has no value."""
    if not panel.covariates:
        return []
    said = []
    for role in ROLES:
        names = [
            one.name if one.categories is None else f"{one.name} ({len(one.categories)} categories)"
            for one in panel.of_role(role)
        ]
        if names:
            said.append(f"{_ROLES[role]} {', '.join(names)}")
    found = [Finding("covariates", "", f"covariates: {'; '.join(said)}")]
    for role in ("known", "past"):
        for place, one in enumerate(panel.of_role(role)):
            columns = [series.known if role == "known" else series.past for series in panel.series]
            absent = np.concatenate([np.isnan(c[:, place]) for c in columns if c is not None])
            if absent.any():
                share = f"{int(absent.sum())} of {len(absent)} {panel.frequency.noun}s have no value"
                found.append(Finding("missing", "", f"{role} {one.name!r}: {share}"))
    return found


def say_cold(cold: Sequence[Finding]) -> list[Finding]:
    """One finding for all series that others must speak for."""
    if not cold:
        return []
    shown = ", ".join(f"{one.series!r} {one.message}" for one in cold[:3])
    more = f" and {len(cold) - 3} more" if len(cold) > 3 else ""
    said = f"{len(cold)} series tell{'s' if len(cold) == 1 else ''} too little alone: {shown}{more}"
    return [Finding("cold", "", f"{said}; forecast by what the others teach")]


def say_unseen(covariate: Covariate, new: Sequence[str]) -> Finding:
    """The rule for categories that were not there in training, and which."""
    shown = ", ".join(repr(name) for name in new[:5]) + (f" and {len(new) - 5} more" if len(new) > 5 else "")
    said = f"{covariate.role} {covariate.name!r} has categories that were not in training: {shown}"
    return Finding("unseen", "", f"{said}; they are read as the mean of those that were")


_ROLES = {"known": "known in the future", "past": "known in the past only", "static": "of the series itself"}


def _longest_run(absent: np.ndarray) -> tuple[int, int]:
    edges = np.diff(absent.astype(np.int8), prepend=0, append=0)
    begin, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    longest = int((end - begin).argmax())
    return int(begin[longest]), int(end[longest] - begin[longest])


def _finding(hole: Hole, run: int, first: str, widest: str, noun: str) -> Finding:
    count = int(hole.absent.sum())
    what = "row" if hole.kind == "gap" else "value"
    where = first if count == 1 else f"first: {first}"
    if run > 1:
        where += f", longest run {run} {noun}s from {widest}"
    have = "has" if count == 1 else "have"
    said = f"{hole.series}: {count} of {len(hole.absent)} {noun}s {have} no {what} ({where})"
    return Finding(hole.kind, hole.series, said)


def defect(values: np.ndarray) -> tuple[str, str] | None:
    """Why a series cannot be forecast, as (kind, words); None if it can."""
    seen = values[~np.isnan(values)]
    if len(seen) == 0:
        return "missing", "has no value at all"
    if len(seen) < ENOUGH:
        return "short", f"has {len(seen)} value{'s' if len(seen) > 1 else ''}, {ENOUGH} are needed"
    if (seen == seen[0]).all():
        return "constant", f"is constant ({seen[0]:g})"
    return None
