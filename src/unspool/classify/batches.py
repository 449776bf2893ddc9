"""Batches of sequences of like length, padded with zeros."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TOGETHER = 8
"""Batches' worth of sequences that are sorted by length before they are cut: little padding, and still chance."""


@dataclass(frozen=True)
class Batch:
    """B sequences.

    Attributes:
        x: [B, T, I] float32, zero beyond a sequence's length.
        lengths: [B] int64.
        labels: [B] int64 numbers of classes; −1 where unknown.
    """

    x: Tensor
    lengths: Tensor
    labels: Tensor


def pad(values: Sequence[np.ndarray], labels: Sequence[int] | np.ndarray | None = None) -> Batch:
    """A batch of sequences [T, I] float32."""
    lengths = [len(v) for v in values]
    x = np.zeros((len(values), max(lengths), values[0].shape[1]), np.float32)
    for row, (sequence, length) in enumerate(zip(values, lengths, strict=True)):
        x[row, :length] = sequence
    marks = np.full(len(values), -1) if labels is None else np.asarray(labels)
    return Batch(torch.from_numpy(x), torch.tensor(lengths), torch.from_numpy(marks.astype(np.int64)))


def batches(values: Sequence[np.ndarray], labels: np.ndarray, size: int, seed: int) -> Iterator[Batch]:
    """Batches without end: every sequence once per round, those of one batch of like length, drawn by `seed`."""
    draw = np.random.default_rng(seed)
    lengths = np.array([len(v) for v in values])
    while True:
        order = draw.permutation(len(values))
        for start in range(0, len(order), size * TOGETHER):
            near = order[start : start + size * TOGETHER]
            near = near[np.argsort(lengths[near], kind="stable")]
            cuts = np.array_split(near, -(-len(near) // size))
            for k in draw.permutation(len(cuts)):
                yield pad([values[p] for p in cuts[k]], labels[cuts[k]])


def in_order(values: Sequence[np.ndarray], size: int) -> Iterator[tuple[np.ndarray, Batch]]:
    """All sequences once, by length: (places, batch)."""
    order = np.argsort([len(v) for v in values], kind="stable")
    for start in range(0, len(order), size):
        places = order[start : start + size]
        yield places, pad([values[p] for p in places])
