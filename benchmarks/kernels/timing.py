"""Contenders are timed in turn, A B C A B C …; what is reported are medians and ratios of paired rounds."""

import gc
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

LEAST, MOST = 5, 201
"""Rounds of a row."""
BURST = 0.003
"""Seconds that one timed turn should at least take: a faster call is repeated within its turn."""

Call = Callable[[], Any]


def quick(call: Call, times: int = 3) -> float:
    """Median seconds of a few calls, after one that is not counted; for choosing between variants."""
    call()
    return float(np.median([_seconds(call, 1) for _ in range(times)]))


def interleave(calls: Sequence[Call], seconds: float) -> np.ndarray:
    """Seconds per call, [contender, round].

    At least 5 rounds, then until `seconds` are spent. A turn begins with one call that is not counted where that
    costs little, since the contender before has left its own data in the caches and its own threads spinning.
    """
    single = []
    for call in calls:
        call()
        single.append(max(_seconds(call, 1), 1e-7))
    repeats = [min(1000, math.ceil(BURST / s)) for s in single]
    rounds: list[list[float]] = []
    begin = time.perf_counter()
    gc.collect()
    gc.disable()
    try:
        while len(rounds) < LEAST or (time.perf_counter() - begin < seconds and len(rounds) < MOST):
            turn = []
            for call, alone, count in zip(calls, single, repeats, strict=True):
                if alone < 0.05:
                    call()
                turn.append(_seconds(call, count))
            rounds.append(turn)
    finally:
        gc.enable()
    return np.array(rounds).T


def _seconds(call: Call, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count
