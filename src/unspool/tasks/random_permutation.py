"""The random-permutation task: the last symbol is the first one again, and all in between are noise.

Martens & Sutskever 2011 (ICML, Hessian-free optimisation), in the form of Pascanu, Mikolov & Bengio 2013,
arXiv:1211.5063: a dictionary of 100 symbols; the first is one of two with equal probability, the T − 1 that follow are
drawn from the other 98, and the one to be told after them is the first again. Solved: fewer than 1 % of 10,000 test
sequences wrong.
"""

from functools import partial

import torch

from unspool.tasks.batch import Batch, Part, generator, one_hot
from unspool.tasks.measure import Classes
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length

DICTIONARY = 100


def random_permutation(length: int = 100) -> Task:
    """The random-permutation task with T = `length`, at least 1."""
    check_length("random-permutation", length, 1, "it is the number of symbols that are read")
    return Task(
        name="random-permutation",
        summary="first of T symbols again, after T − 1 drawn from 98 others",
        source="Martens & Sutskever 2011; Pascanu, Mikolov & Bengio 2013",
        length=length,
        input_size=DICTIONARY,
        output_size=DICTIONARY,
        asks="last",
        measure=Classes(),
        criterion=Criterion("fewer than 1 % of 10,000 sequences wrong", held=Bar(10_000, error=0.01)),
        baseline=0.5,
        baseline_text="always telling the same of the two",
        settings=TaskSettings(
            cell="elman_linear",
            hidden_size=64,
            batch_size=16,
            sequences=200_000,
            learning_rate=1e-3,
            start="orthogonal",
        ),
        sample=partial(_sample, length=length),
        chunk=max(1, min(500, 50_000 // length)),
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    random = generator(seed, part, number)
    symbols = torch.randint(2, DICTIONARY, (sequences, length), generator=random)
    symbols[:, 0] = torch.randint(0, 2, (sequences,), generator=random)
    return Batch(one_hot(symbols, DICTIONARY), symbols[:, 0].clone())
