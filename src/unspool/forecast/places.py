"""Where windows can be cut, counted and not stored: ten million places take a few numbers for each series."""

from typing import final

import numpy as np
import torch
from torch import Tensor

CHUNK = 1_000_000
"""Places that are looked at together."""


@final
class Places:
    """Cutoffs `low[i]` … `high[i]` of every series, all with the same limit, as [M, 3] rows (series, cutoff, limit).

    Row m is made when it is asked for: `places[index]` takes [B] int64 and gives [B, 3]. Memory: three numbers for each
    series, and one for each place that is left out.

    Args:
        low, high: [N] int64 first and last cutoff; none where high < low.
        limit: [N] int64.
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, limit: np.ndarray) -> None:
        ends = np.maximum(high - low + 1, 0).cumsum()
        self._ends = torch.from_numpy(ends)
        self._shift = torch.from_numpy(low - np.concatenate([[0], ends[:-1]]))  # from a place to its cutoff
        self._limit = torch.from_numpy(limit)
        self._left_out = torch.zeros(0, dtype=torch.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) - len(self._left_out)

    def __getitem__(self, index: Tensor) -> Tensor:
        """The rows at `index`."""
        if len(self._left_out):
            # So many places as were left out before it lie between a place's rank and its number.
            gaps = self._left_out - torch.arange(len(self._left_out))
            index = index + torch.searchsorted(gaps, index, right=True)
        series = torch.searchsorted(self._ends, index, right=True)
        return torch.stack([series, index + self._shift[series], self._limit[series]], 1)

    def all(self) -> Tensor:
        """[M, 3] all rows."""
        return self[torch.arange(len(self))]

    def counts(self) -> Tensor:
        """[N] places of each series."""
        series = torch.searchsorted(self._ends, self._left_out, right=True)
        return self._ends.diff(prepend=torch.zeros(1, dtype=torch.int64)) - torch.bincount(
            series, minlength=len(self._ends)
        )

    def leave_out(self, numbers: Tensor) -> None:
        """Leave out the rows with these numbers, ascending; once."""
        self._left_out = numbers


def spread_evenly(places: Tensor, most: int) -> Tensor:
    """At most `most` of the places, evenly spaced."""
    if len(places) <= most:
        return places
    return places[torch.linspace(0, len(places) - 1, most).round().long()]
