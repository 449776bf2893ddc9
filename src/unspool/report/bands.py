"""Quantile levels read as nested intervals."""

from dataclasses import dataclass

import numpy as np

from unspool.report.numbers import between, level
from unspool.report.palette import FAN


@dataclass(frozen=True)
class Band:
    """One interval: its nominal coverage and the places of its bounds among the levels."""

    nominal: float
    low: int
    high: int
    name: str


def bands(levels: tuple[float, ...]) -> list[Band]:
    """Intervals from the widest to the narrowest, at most four; empty where there are fewer than two levels.

    Levels are paired symmetrically (0.1 with 0.9). Where none pair, the lowest and highest make one interval.
    """
    pairs = [
        _band(levels, low, high)
        for low in range(len(levels))
        for high in range(low + 1, len(levels))
        if abs(levels[low] + levels[high] - 1) < 1e-6
    ]
    if not pairs and len(levels) >= 2:
        name = f"{level(levels[0])} to {level(levels[-1])} quantiles"
        return [Band(levels[-1] - levels[0], 0, len(levels) - 1, name)]
    pairs.sort(key=lambda band: -band.nominal)
    if len(pairs) <= len(FAN):
        return pairs
    last = len(FAN) - 1
    return [pairs[round(place * (len(pairs) - 1) / last)] for place in range(len(FAN))]


def interval(quantiles: np.ndarray, nested: list[Band]) -> str:
    """The widest interval of one step in words (`90 % interval 369.0 to 371.1`); empty where there is none."""
    return f"{nested[0].name} {between(quantiles[nested[0].low], quantiles[nested[0].high])}" if nested else ""


def fills(nested: list[Band]) -> list[str]:
    """The fill of each band: the widest always the palest."""
    return list(FAN[: len(nested)])


def _band(levels: tuple[float, ...], low: int, high: int) -> Band:
    nominal = levels[high] - levels[low]
    return Band(nominal, low, high, f"{level(nominal)} interval")
