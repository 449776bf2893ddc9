"""Noiseless memorisation: a short pattern, a long blank, and then the pattern again.

Martens & Sutskever 2011 (ICML, Hessian-free optimisation), in the form of Pascanu, Mikolov & Bengio 2013,
arXiv:1211.5063. A pattern of N symbols, T blanks, a "go", N − 1 more blanks; the answer is blank until the "go" and the
pattern from there on.

    x   s₁ … s_N   −  −  …  −   go  −  …  −        N + T + N steps
    y   −  …  −    −  −  …  −   s₁  s₂ … s_N

5 bits: N = 5 of 2 symbols, solved when all 32 patterns are right. 20 bits: N = 10 of 5 symbols, solved when fewer than
1 % of 10,000 test sequences are wrong. With 5 bits there are 32 sequences in all, so training and test share them.
"""

import math
from functools import partial

import torch

from unspool.tasks.batch import Batch, Part, generator, one_hot, rows_of
from unspool.tasks.measure import Symbols
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length


def memorisation(length: int = 100, bits: int = 5) -> Task:
    """Noiseless memorisation of 5 or of 20 bits, with T = `length` steps between, at least 1."""
    count, symbols = (5, 2) if bits == 5 else (10, 5)
    name = "memorisation" if bits == 5 else "memorisation-20"
    check_length(name, length, 1, "it is the number of steps between the pattern and its repetition")
    held = Bar(symbols**count, wrong=0) if bits == 5 else Bar(10_000, wrong=99)
    return Task(
        name=name,
        summary=f"a pattern of {bits} bits again, after T blanks",
        source="Martens & Sutskever 2011; Pascanu, Mikolov & Bengio 2013",
        length=length,
        input_size=symbols + 2,
        output_size=symbols + 1,
        asks="every",
        measure=Symbols(),
        criterion=Criterion(
            "all 32 patterns right" if bits == 5 else "fewer than 1 % of 10,000 patterns wrong", held=held
        ),
        baseline=count * math.log(symbols) / (length + 2 * count),
        baseline_text="blanks, then every symbol alike",
        settings=TaskSettings(
            cell="elman_linear",
            hidden_size=64 if bits == 5 else 128,
            sequences=500_000,
            learning_rate=1e-3,
            start="orthogonal",
        ),
        sample=partial(_sample, length=length, count=count, symbols=symbols),
        sizes={"validation": 32, "test": 32} if bits == 5 else None,
        chunk=250,
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int, count: int, symbols: int) -> Batch:
    if symbols**count <= 32 and part != "training":
        codes = rows_of(seed, part, number, sequences, symbols**count)
        pattern = codes[:, None] // symbols ** torch.arange(count) % symbols
    else:
        pattern = torch.randint(0, symbols, (sequences, count), generator=generator(seed, part, number))
    blank, go = symbols, symbols + 1
    rows = len(pattern)
    x = torch.full((rows, length + 2 * count), blank)
    x[:, :count] = pattern
    x[:, length + count] = go
    y = torch.full_like(x, blank)
    y[:, -count:] = pattern
    return Batch(one_hot(x, symbols + 2), y)
