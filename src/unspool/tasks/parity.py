"""Parity: whether the number of ones in a sequence is odd, told at its end.

Bengio, Simard & Frasconi 1994, IEEE Trans. Neural Networks 5(2), and Hochreiter & Schmidhuber 1997 (NIPS 9, "LSTM can
solve hard long time lag problems"): steps are 1 or −1 with equal probability, and lengths from T to 1.2 T (theirs were
500 to 600). Every single step decides, and none tells anything by itself, so that no gradient leads to the answer from
long sequences alone. Training sequences therefore are of 1 to T steps here; validation and test have the full lengths.
The papers' criterion is about their training set; here it is fewer than 1 % of 10,000 long sequences wrong.
"""

from functools import partial

import torch

from unspool.tasks.batch import Batch, Part, generator, steps_within
from unspool.tasks.measure import Classes
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length


def parity(length: int = 50) -> Task:
    """Parity with T = `length`, at least 1."""
    check_length("parity", length, 1, "it is the number of bits of the longest training sequence")
    return Task(
        name="parity",
        summary="whether the number of ones among T bits is odd",
        source="Bengio, Simard & Frasconi 1994; Hochreiter & Schmidhuber 1997 (NIPS)",
        length=length,
        input_size=1,
        output_size=2,
        asks="last",
        measure=Classes(),
        criterion=Criterion("fewer than 1 % of 10,000 sequences wrong", held=Bar(10_000, error=0.01)),
        baseline=0.5,
        baseline_text="always telling the same",
        settings=TaskSettings(hidden_size=16),
        sample=partial(_sample, length=length),
        chunk=1000,
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    random = generator(seed, part, number)
    low, high = (1, length) if part == "training" else (length, length + length // 5)
    lengths = torch.randint(low, high + 1, (sequences,), generator=random)
    steps = int(lengths.max())
    within = steps_within(lengths, steps)
    ones = torch.randint(0, 2, (sequences, steps), generator=random) * within
    x = ((2 * ones - 1) * within).to(torch.float32)
    return Batch(x[..., None], ones.sum(1) % 2, lengths)
