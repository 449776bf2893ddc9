"""What a task draws: sequences, their answers, and random numbers that no other part of the task uses."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Part = Literal["training", "validation", "test"]
PARTS: tuple[Part, ...] = ("training", "validation", "test")


@dataclass(frozen=True)
class Batch:
    """Sequences and what is to be answered.

    Attributes:
        x: [B, T, I] float32; zeros beyond a sequence's length.
        y: the answers. Asked after the last step: [B] int64 classes or [B, O] values; asked at every step: [B, T]
            int64 symbols, or [B, T, O] values.
        lengths: [B] int64, steps of each sequence; None where all have T.
        counts: [B, T] bool, steps whose answers are trained on; None for all of them.
        judged: [B, T] bool, steps that decide whether a sequence is right; None where they are those of `counts`.
        allowed: [B, T, O] bool, where more than one symbol may come: all that may.
    """

    x: Tensor
    y: Tensor
    lengths: Tensor | None = None
    counts: Tensor | None = None
    judged: Tensor | None = None
    allowed: Tensor | None = None


def stream(seed: int, part: Part, number: int) -> int:
    """The seed of batch `number` of a part: 63 bits of a hash, another for every (seed, part, number)."""
    key = np.random.SeedSequence((seed, PARTS.index(part), number)).generate_state(1, np.uint64)
    return int(key[0] >> 1)


def generator(seed: int, part: Part, number: int) -> torch.Generator:
    """Random numbers for batch `number` of a part."""
    return torch.Generator().manual_seed(stream(seed, part, number))


def rows_of(seed: int, part: Part, number: int, sequences: int, size: int) -> Tensor:
    """[B] int64, which of `size` sequences are batch `number`: drawn with replacement for training, else in order."""
    if part == "training":
        return torch.randint(0, size, (sequences,), generator=generator(seed, part, number + 1))
    return torch.arange(number * sequences, min((number + 1) * sequences, size))


def one_hot(symbols: Tensor, count: int) -> Tensor:
    """[…] int64 → […, count] float32."""
    return torch.zeros(*symbols.shape, count).scatter_(-1, symbols[..., None], 1.0)


def steps_within(lengths: Tensor, steps: int) -> Tensor:
    """[B, T] bool: whether step t is one of the first `lengths` [B]."""
    return torch.arange(steps) < lengths[:, None]
