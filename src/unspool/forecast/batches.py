"""The stream of batches that a model is trained on."""

from collections.abc import Iterator

import torch
from torch import Tensor

from unspool.forecast.cold import with_hidden
from unspool.forecast.places import Places
from unspool.forecast.windows import Window, Windows

SHUFFLED = 1_000_000
"""Windows up to which a round of training goes through each of them once."""


def batches(windows: Windows, places: Places | Tensor, size: int, seed: int, *, cold: bool = False) -> Iterator[Window]:
    """Batches without end; for a cold start some of their windows have a hidden past."""
    stream = _drawn(windows, places, size, seed)
    return with_hidden(stream, seed) if cold else stream


def _drawn(windows: Windows, places: Places | Tensor, size: int, seed: int) -> Iterator[Window]:
    """Every place once per round, in an order drawn by `seed`.

    Of more than `SHUFFLED` places each batch is drawn by itself, so that no order of all of them is made: a place may
    then come again before all have come.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(size, len(places))
    while len(places) > SHUFFLED:
        yield windows.cut(places[torch.randint(len(places), (size,), generator=generator)])
    while True:
        order = torch.randperm(len(places), generator=generator)
        for start in range(0, len(order) - size + 1, size):
            yield windows.cut(places[order[start : start + size]])
