"""Channels in units of the training data, with missing values filled and marked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """What is taken off each channel and what it is divided by; which channels get a mask beside them.

    Attributes:
        centre: [I] mean over all observed steps of all training sequences.
        spread: [I] deviation there; 1 for a constant channel.
        masked: channels that had missing values in training: the network is told which steps were observed.
    """

    centre: np.ndarray
    spread: np.ndarray
    masked: tuple[int, ...]

    @staticmethod
    def of(values: Sequence[np.ndarray]) -> "Scaling":
        """From training sequences [T, I]."""
        steps = np.concatenate(values)
        seen = ~np.isnan(steps)
        count = np.maximum(seen.sum(0), 1)
        centre = np.where(seen, steps, 0).sum(0) / count
        spread = np.sqrt(np.where(seen, (steps - centre) ** 2, 0).sum(0) / count)
        tiny = spread <= 1e-12 * np.maximum(np.abs(centre), 1e-300)
        return Scaling(centre, np.where(tiny, 1.0, spread), tuple(np.flatnonzero(~seen.all(0)).tolist()))

    @property
    def size(self) -> int:
        """Features that the network reads: a number for each channel, and a mask for each of `masked`."""
        return len(self.centre) + len(self.masked)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """[T, size] float32 of a sequence [T, I]: a missing value is the one before it, or the mean at the start."""
        scaled = (values - self.centre) / self.spread
        seen = ~np.isnan(scaled)
        last = np.maximum.accumulate(np.where(seen, np.arange(len(scaled))[:, None], -1), axis=0)
        filled = np.where(last >= 0, np.take_along_axis(scaled, np.maximum(last, 0), 0), 0.0)
        return np.concatenate([filled, seen[:, list(self.masked)]], axis=1).astype(np.float32)
