"""Sequences of numbers, two of them marked: what the adding and the multiplication task of 1997 read.

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), experiments 4 and 5. The length is drawn from T to T + T/10. A
step is a pair: a number and a marker. One of the first ten pairs is marked by 1, and then one of the first T/2 − 1
pairs that are not; the first and the last pair have the marker −1, all others 0. Where a marked pair is the first of
the sequence, its marker is −1 all the same and its number is the one that changes nothing.
"""

import torch
from torch import Tensor

from unspool.tasks.batch import Batch, Part, generator, steps_within
from unspool.tasks.task import check_length

SHORTEST = 20
FIRST = 10
"""The first marked pair is one of so many."""


def check_pairs(name: str, length: int) -> None:
    """Refuse a T below 20.

    Raises:
        SettingError: with it a marked pair would not fit.
    """
    check_length(name, length, SHORTEST, "one of the first 10 pairs is marked, and one of the first T/2 − 1 others")


def marked_pairs(
    seed: int, part: Part, number: int, sequences: int, *, length: int, low: float, neutral: float
) -> tuple[Batch, Tensor]:
    """Sequences without answers (y is empty), and the two numbers that are marked.

    Args:
        seed: as in `Task.draw`, as are the three that follow.
        part: training, validation or test.
        number: of the batch.
        sequences: B.
        length: T.
        low: the numbers are uniform from here to 1.
        neutral: the number of a marked first pair.

    Returns:
        batch: x [B, T', 2], number and marker, with lengths [B]; and [B, 2], the marked numbers.
    """
    random = generator(seed, part, number)
    lengths = torch.randint(length, length + length // 10 + 1, (sequences,), generator=random)
    steps = int(lengths.max())
    numbers = torch.rand(sequences, steps, generator=random) * (1 - low) + low
    first = torch.randint(0, FIRST, (sequences,), generator=random)
    second = torch.randint(0, length // 2 - 1, (sequences,), generator=random)
    second += second >= first  # of those still unmarked
    places = torch.stack([first, second], 1)
    starts = (places == 0).any(1)
    numbers[starts, 0] = neutral
    markers = torch.zeros(sequences, steps).scatter_(1, places, 1.0)
    markers[:, 0] = -1
    markers.scatter_(1, lengths[:, None] - 1, -1.0)
    marked = numbers.gather(1, places)
    x = torch.stack([numbers, markers], -1) * steps_within(lengths, steps)[..., None]
    return Batch(x, x.new_empty(sequences, 0), lengths), marked
