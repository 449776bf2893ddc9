"""Long time lags: the last symbol repeats one from the beginning, with as many steps between as one likes.

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), experiment 2.

    2a  (y, a₁, a₂ … a_{p−1}, y) and (x, a₁, a₂ … a_{p−1}, x): every next symbol is asked for
    2b  the same with p − 1 symbols drawn from a₁ … a_{p−1} in between; only the last is judged
    2c  (b, y, q + k drawn from a₁ … a_p, e, y) and (b, x, …, e, x): the last alone is asked for, after the trigger e;
        k = 0, 1, 2 … has probability .1 · .9^k

Both beginnings are as likely, and symbols are one-hot. Solved when on 10,000 successive sequences no output is ever .25
(2a at all steps, 2b at the last step) or .2 (2c) away from its target, 0 or 1. Outputs here are a softmax's.
"""

from functools import partial

import torch

from unspool.tasks.batch import Batch, Part, generator, one_hot, steps_within
from unspool.tasks.measure import Classes, Measure, Symbols
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length

SOURCE = "Hochreiter & Schmidhuber 1997, experiment"
LONGEST = 10_000
"""A one-hot sequence holds its length squared."""

GATE, SEQUENCES = Bar(500, wrong=0), 10_000
"""Before 10,000 validation sequences are worth their time, the last 500 training sequences must have been right."""

PUBLISHED_2C = {50: "30,000", 100: "31,000", 200: "33,000", 500: "38,000", 1000: "49,000"}


def long_lag_2a(length: int = 100) -> Task:
    """Task 2a with p = `length`, at least 2."""
    return _predicting("2a", length, "5,040" if length == 100 else "")


def long_lag_2b(length: int = 100) -> Task:
    """Task 2b with p = `length`, at least 2."""
    return _predicting("2b", length, "5,680" if length == 100 else "")


def long_lag_2c(length: int = 100) -> Task:
    """Task 2c with q = p = `length`, at least 1."""
    check_length("long-lag-2c", length, 1, "it is the number of symbols to wait for, and of different ones", LONGEST)
    return Task(
        name="long-lag-2c",
        summary="second symbol repeated at the end, after q drawn ones and a trigger",
        source=f"{SOURCE} 2c",
        length=length,
        input_size=length + 4,
        output_size=2,
        asks="last",
        measure=Classes(within=0.2),
        criterion=Criterion(
            "no output error of .2 or more on 10,000 sequences", recent=GATE, held=Bar(SEQUENCES, wrong=0)
        ),
        baseline=0.5,
        baseline_text="predicting ½ for both",
        settings=TaskSettings(hidden_size=8, batch_size=4, sequences=200_000, learning_rate=0.03, start="chrono"),
        sample=partial(_sample_2c, length=length),
        published=f"LSTM {PUBLISHED_2C[length]} sequences" if length in PUBLISHED_2C else "",
        chunk=max(1, min(500, 20_000 // (length + 20))),
    )


def _predicting(variant: str, length: int, published: str) -> Task:
    check_length(f"long-lag-{variant}", length, 2, "p symbols stand between, a₁ … a_{p−1}, so p is 2 or more", LONGEST)
    measure: Measure = Symbols(within=0.25, unit="share wrong")
    between = "always the same" if variant == "2a" else "drawn"
    return Task(
        name=f"long-lag-{variant}",
        summary=f"first symbol repeated at the end, after p − 1 that are {between}",
        source=f"{SOURCE} {variant}",
        length=length,
        input_size=length + 1,
        output_size=length + 1,
        asks="every",
        measure=measure,
        criterion=Criterion(
            "no output error of .25 or more on 10,000 sequences" + (", at their ends" if variant == "2b" else ""),
            recent=GATE,
            held=Bar(SEQUENCES, wrong=0),
        ),
        baseline=0.5,
        baseline_text="guessing the last symbol",
        settings=TaskSettings(
            cell="elman_linear",
            hidden_size=64,
            batch_size=8,
            sequences=200_000,
            learning_rate=1e-3,
            start="orthogonal",
        ),
        sample=partial(_sample_repeat, length=length, is_drawn=variant == "2b"),
        published=f"LSTM {published} sequences" if published else "",
        chunk=max(1, min(500, 20_000 // (length + 20))),
    )


def _sample_repeat(seed: int, part: Part, number: int, sequences: int, *, length: int, is_drawn: bool) -> Batch:
    random = generator(seed, part, number)
    ends = length - 1 + torch.randint(0, 2, (sequences, 1), generator=random)  # x or y
    between = torch.arange(length - 1).expand(sequences, -1)
    if is_drawn:
        between = torch.randint(0, length - 1, (sequences, length - 1), generator=random)
    symbols = torch.cat([ends, between, ends], 1)
    judged = None
    if is_drawn:
        judged = torch.zeros(sequences, length, dtype=torch.bool)
        judged[:, -1] = True
    return Batch(one_hot(symbols[:, :-1], length + 1), symbols[:, 1:], judged=judged)


def _sample_2c(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    random = generator(seed, part, number)
    trigger, beginning, x = length, length + 1, length + 2
    answer = torch.randint(0, 2, (sequences,), generator=random)
    further = torch.zeros(sequences, dtype=torch.int64)
    going = torch.ones(sequences, dtype=torch.bool)
    while going.any():
        going &= torch.rand(sequences, generator=random) >= 0.1
        further += going
    lengths = length + further + 3
    steps = int(lengths.max())
    symbols = torch.randint(0, length, (sequences, steps), generator=random)
    symbols[:, 0] = beginning
    symbols[:, 1] = x + answer
    symbols.scatter_(1, lengths[:, None] - 1, trigger)
    x_ = one_hot(symbols, length + 4) * steps_within(lengths, steps)[..., None]
    return Batch(x_, answer, lengths)
