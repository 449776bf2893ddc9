"""An explanation in words: which part of the past, and which covariates, carry how much of a forecast."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unspool.forecast.explanation import Driver, Explained, Explanation, Stretch
from unspool.report.numbers import HARD, THIN, count, number, percent

TELLING = 0.01
"""Shares below this are not told one by one."""

MOST = 8
"""Sources told by name."""

TOLD_LAST = 0.1
"""Share from which the last value is told."""

LONE, STANDS_OUT, LONELY = 0.05, 5.0, 2
"""A past value is told by itself from this share of theirs on, if it is so many times the usual one; two at most."""

AT_REST = (
    "At rest the past values lie flat at the mean of the window (dashed), the calendar is at its mean, no day is a "
    "holiday, covariates that are numbers are at their medians, and categories are unknown."
)


@dataclass(frozen=True)
class Source:
    """A part of what is read, by its name.

    Attributes:
        name: "last 24 hours", "temp".
        share: of all that moves the forecast from rest.
        added: [K] what it adds, by integrated gradients.
        occlusion: [K] by occlusion.
    """

    name: str
    share: float
    added: np.ndarray
    occlusion: np.ndarray


def sources(one: Explained, noun: str) -> list[Source]:
    """Past values by stretches, the newest first; then the drivers, the strongest first."""
    found = [Source(_stretch(part, noun), part.share, part.attribution, part.occlusion) for part in one.stretches]
    drivers = sorted(one.drivers, key=lambda driver: -driver.share)
    return found + [Source(d.name, d.share, d.attribution.sum(1), d.occlusion) for d in drivers]


def rests_on(one: Explained, noun: str) -> str:
    """`It rests 41 % on temp, 20 % on the last 7 days …`, and which past values carry much by themselves."""
    return f"It rests {_shared(_named(one, noun))}.{_last([one.stretches[0].share])}{_lone(one, noun)}"


def rests_overall(explanation: Explanation) -> str:
    """The same of all series together, in the mean of their shares."""
    shares: dict[str, float] = {}
    for one in explanation.series:
        for name, share in _named(one, explanation.noun):
            shares[name] = shares.get(name, 0.0) + share / len(explanation.series)
    several = len(explanation.series) > 1
    subject = f"In the mean of {len(explanation.series)} series, the forecast" if several else "The forecast"
    lone = "" if several else _lone(explanation.series[0], explanation.noun)
    last = _last([one.stretches[0].share for one in explanation.series])
    return f"{subject} rests {_shared(list(shares.items()))}.{last}{lone}"


def moves(one: Explained, explanation: Explanation, k: int) -> str:
    """The forecast of one step as a sum: what it would be at rest, and what each source adds."""
    steps = f"{count(one.ahead[k], explanation.noun)} ahead"
    when = explanation.time_style.labels(one.times_ahead[k : k + 1])[0]
    forecast, rest = aligned([one.forecast[k], one.rest[k]], one)
    added = [("past values", float(one.attribution[k].sum()))]
    added += [(spoken(driver), float(driver.attribution[k].sum())) for driver in one.drivers]
    added.sort(key=lambda pair: -abs(pair[1]))
    told = added[:MOST] + ([("all else", sum(value for _, value in added[MOST:]))] if len(added) > MOST else [])
    words = ", ".join(_adds(name, value, one) for name, value in told)
    return f"{steps}, {when}: {forecast}. At rest it would be {rest}; {words}."


def spoken(driver: Driver) -> str:
    """A driver in a sentence."""
    return "the calendar" if driver.role == "calendar" else driver.name


def aligned(values: Sequence[float], one: Explained, *, signed: bool = False) -> list[str]:
    """Numbers that add up, with one decimal more than the series' forecast is written with."""
    size = max(float(np.abs([*one.forecast, *one.rest]).max()), 1e-300)
    decimals = 4 - math.floor(math.log10(size))
    if not 0 <= decimals <= 8:
        return [number(value) for value in values]
    found = []
    for value in values:
        text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
        zero = not any(digit in text for digit in "123456789")
        found.append(text.lstrip("+-") if zero else text.replace(",", THIN).replace("-", "−"))
    return found


def by_distance(one: Explained) -> dict[int, float]:
    """Share of single past values in what they add and take off, by the steps from them to the one forecast."""
    total = float(np.abs(one.attribution).sum()) or 1.0
    found: dict[int, float] = {}
    for step, row in zip(one.ahead, np.abs(one.attribution), strict=True):
        for back, value in enumerate(row[::-1]):
            distance = one.gap + step + back
            found[distance] = found.get(distance, 0.0) + float(value) / total
    return found


def _shared(named: list[tuple[str, float]]) -> str:
    told = sorted((pair for pair in named if pair[1] >= TELLING), key=lambda pair: -pair[1])[:MOST]
    if not told:
        return "on nothing that is read: it is what it would be at rest"
    others = 1 - sum(share for _, share in told)
    words = [f"{percent(share)} on {name}" for name, share in told]
    return ", ".join(words + ([f"{percent(others)} on all else"] if others >= TELLING else []))


def _named(one: Explained, noun: str) -> list[tuple[str, float]]:
    """The newest stretch with the last value, older values; and the drivers."""
    newest, older = one.stretches[:2], one.stretches[2:]
    name = f"the last {count(newest[-1].last, noun)}" if newest[-1].last > 1 else "the last value"
    past = [(name if older else "past values", sum(part.share for part in newest))]
    past += [("older values", sum(part.share for part in older))] if older else []
    return past + [(spoken(driver), driver.share) for driver in one.drivers]


def _last(shares: list[float]) -> str:
    """What the last value carries, which alone is what a naive forecast rests on."""
    share = sum(shares) / len(shares)
    return f" The last value alone carries {percent(share)}." if share >= TOLD_LAST else ""


def _lone(one: Explained, noun: str) -> str:
    """Past values that carry much by themselves, by their distance to the step that is forecast."""
    shares = by_distance(one)
    least = max(LONE, STANDS_OUT * float(np.median(list(shares.values()))))
    found = sorted((pair for pair in shares.items() if pair[1] >= least), key=lambda pair: -pair[1])[:LONELY]
    if not found or sum(part.share for part in one.stretches) < LONE:
        return ""
    first, *second = [(f"the one {count(distance, noun)} before", percent(share)) for distance, share in found]
    words = f"{first[0]} carries {first[1]}" + "".join(f", {name} {share}" for name, share in second)
    return f" Among single past values, {words}."


def _stretch(part: Stretch, noun: str) -> str:
    if part.first == 1:
        return f"last {count(part.last, noun)}" if part.last > 1 else "last value"
    if part.first == part.last:
        return f"{noun}{HARD}{part.first} back"
    return f"{noun}s {part.first} to {part.last} back"


def _adds(name: str, value: float, one: Explained) -> str:
    plural = "" if name == "past values" else "s"
    (text,) = aligned([abs(value)], one)
    return f"{name} add{plural} {text}" if value >= 0 else f"{name} take{plural} off {text}"
