"""Rules for what a user left open, by the size of the data. One rule, one function."""


def default_lookback(length: int, ahead: int, season: int) -> int:
    """Steps to read: two horizons or two seasons, whichever is longer, but at most a third of what there is."""
    wanted = max(2 * ahead, 2 * season, 8)
    return max(1, min(wanted, max(length // 3, min(2 * season, length - ahead)), length - 1))


def default_segment(lookback: int, horizon: int, season: int) -> int:
    """Steps per segment: a season or a whole part of it, so that a window has about four to sixteen segments."""
    if 1 < season <= max(lookback // 2, 1):
        while season > 1 and lookback / season < 4 and season % 2 == 0:
            season //= 2
        return season
    return max(1, min(round(lookback / 8), horizon))


def default_networks(lookback: int) -> list[str]:
    """The networks to try: reading step by step is left out where a window is long, for it takes a step per value."""
    return ["segment", "direct"] if lookback <= 64 else ["segment"]


def default_hidden_size(windows: int) -> int:
    """Units, by the number of windows to learn from."""
    return 32 if windows < 500 else 64 if windows < 20_000 else 128


def default_dropout(windows: int) -> float:
    """Dropout probability: more where windows are few."""
    return 0.2 if windows < 5_000 else 0.3


def default_steps(windows: int) -> int:
    """Optimiser steps at most."""
    return 300 if windows < 20_000 else 500


def default_batch_size(windows: int) -> int:
    """Windows per step."""
    return 64 if windows < 20_000 else 256


def default_learning_rate(windows: int) -> float:
    """Peak learning rate."""
    return 5e-3 if windows < 20_000 else 1e-2


def default_refit(windows: int) -> bool:
    """Whether to fit anew on all data: where windows are few, the newest ones count."""
    return windows < 20_000
