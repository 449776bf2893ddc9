"""Rules for what a user left open, by the size of the data. One rule, one function.

`windows` is the number of places a window can be cut, over all series; MANY of them make the data large.
"""

MANY = 20_000

STEPS = 300
"""Optimiser steps at most."""


def default_lookback(length: int, ahead: int, season: int) -> int:
    """Steps to read: two seasons, or two horizons up to eight seasons; a third of the data at most, or two seasons."""
    wanted = max(2 * season, min(2 * ahead, 8 * season) if season > 1 else 2 * ahead, 8)
    return max(1, min(wanted, max(2 * season, length // 3), length - 1))


def default_segments(lookback: int, horizon: int, season: int) -> list[int]:
    """Steps per segment to try: a season, so that a segment is one turn; a sixth of a window where there is none.

    A season of more than a month of days or weeks is halved; so many segments that they become slow are lengthened.
    """
    segment = max(1, min(round(lookback / 6), horizon)) if season == 1 or season > lookback else season
    while segment > 31 and segment % 2 == 0:
        segment //= 2
    while max(lookback, horizon) / segment > 26:
        segment += season if season > 1 else 1
    # Half a segment is the second choice, where it leaves few enough steps.
    return [segment, segment // 2] if segment >= 4 and max(lookback, horizon) / segment <= 13 else [segment]


def default_dilations(lookback: int, season: int) -> tuple[int, ...]:
    """How many steps back each layer looks: one, the root of a season, and a season; by fours where there is none.

    No further than half a window, so that every layer has something to look back at.
    """
    wanted = (1, round(season**0.5), season) if season > 1 else (1, 4, 16)
    return tuple(sorted({1, *(dilation for dilation in wanted if 2 * dilation <= lookback)}))


def default_networks(lookback: int, windows: int) -> list[str]:
    """The networks to try: reading step by step costs a step per value, so only short windows of small data."""
    return ["segment", "direct"] if lookback <= 64 and windows < MANY else ["segment"]


def default_normalisation(windows: int) -> str:
    """Large data keep the size of a window's swings; small data are brought to one size, so that each window counts."""
    return "last" if windows >= MANY else "scaled"


def default_highway(windows: int) -> list[bool]:
    """Whether a linear autoregression stands beside the recurrence, the usual way first; large data always have it."""
    return [True] if windows >= MANY else [False, True]


def default_hidden_size(windows: int) -> int:
    """Units."""
    return 128 if windows >= MANY else 64


def default_batch_size(windows: int) -> int:
    """Windows per step."""
    return 512 if windows >= MANY else 64


def default_learning_rate(windows: int, fed: bool = False) -> float:
    """Peak learning rate. A network that is fed its forecast takes a loss at every step of its own: the lower one."""
    return 1e-2 if windows >= MANY and not fed else 5e-3


def default_refit(windows: int) -> bool:
    """Whether to fit anew on all data: where windows are few, the newest ones count."""
    return windows < MANY


def default_members(windows: int, refit: bool) -> int:
    """Models averaged: few windows leave much to the seed. Without the refit one, for each takes a whole fit there."""
    return 1 if windows >= MANY or not refit else 3
