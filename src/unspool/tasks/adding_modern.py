"""The adding task of today: the sum of two marked numbers, one in either half of the sequence.

Arjovsky, Shah & Bengio 2016, arXiv:1511.06464, section 5.2, after Le, Jaitly & Hinton 2015. T numbers uniform in 0 … 1,
one of the first ⌊T/2⌋ and one of the others marked by 1; the answer is their sum. Always predicting 1 has a mean
squared error of 1/6. The papers show curves and set no bar; here it is a mean squared error below .01 on 2,000
sequences.
"""

from functools import partial

import torch

from unspool.tasks.batch import Batch, Part, generator
from unspool.tasks.measure import Values
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length


def adding_modern(length: int = 200) -> Task:
    """The adding task with T = `length`, at least 2."""
    check_length("adding-modern", length, 2, "one number of either half is marked")
    return Task(
        name="adding-modern",
        summary="sum of two marked numbers among T in 0 … 1, one in either half",
        source="Arjovsky, Shah & Bengio 2016, section 5.2",
        length=length,
        input_size=2,
        output_size=1,
        asks="last",
        measure=Values(0.04),
        criterion=Criterion("MSE below .01 on 2,000 sequences (the papers set no bar)", held=Bar(2000, error=0.01)),
        baseline=1 / 6,
        baseline_text="always predicting 1",
        settings=TaskSettings(cell="mingru", hidden_size=64, sequences=500_000, start="chrono"),
        sample=partial(_sample, length=length),
        published="T = 600: LSTM .164, GRU 5.3e-5 (Bai et al. 2018)" if length == 600 else "",
        chunk=200,
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    random = generator(seed, part, number)
    numbers = torch.rand(sequences, length, generator=random)
    half = length // 2
    places = torch.stack(
        [torch.randint(*ends, (sequences,), generator=random) for ends in ((0, half), (half, length))], 1
    )
    markers = torch.zeros(sequences, length).scatter_(1, places, 1.0)
    return Batch(torch.stack([numbers, markers], -1), numbers.gather(1, places).sum(1, keepdim=True))
