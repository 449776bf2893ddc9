"""The multiplication task: the product of two marked numbers, told at the end of a long sequence.

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), experiment 5. Numbers are uniform in 0 … 1, see `marked_pairs`;
the answer is X₁ · X₂. Training ends when at most 13 of the last 2,000 sequences had an absolute error of .04 or more,
and their mean absolute error is below .01 (the paper's easier variant allows 140). 2,560 further ones are the test.
"""

from dataclasses import replace
from functools import partial

from unspool.tasks.batch import Batch, Part
from unspool.tasks.marked_pairs import check_pairs, marked_pairs
from unspool.tasks.measure import Values
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings

BASELINE = 0.1881
"""E|X₁X₂ − m| at the product's median m = .1867, by m (1 − ln m) = ½."""


def multiplication(length: int = 100) -> Task:
    """The multiplication task with T = `length`, at least 20."""
    check_pairs("multiplication", length)
    return Task(
        name="multiplication",
        summary="product of two marked numbers among T in 0 … 1",
        source="Hochreiter & Schmidhuber 1997, experiment 5",
        length=length,
        input_size=2,
        output_size=1,
        asks="last",
        measure=Values(0.04, "mean absolute error"),
        criterion=Criterion(
            "at most 13 of the last 2,000 training sequences have an absolute error of .04 or more, on average "
            "it is below .01",
            recent=Bar(2000, error=0.01, wrong=13),
        ),
        baseline=BASELINE,
        baseline_text="always predicting the median, .187, first pairs being left alone",
        settings=TaskSettings(sequences=2_000_000, hidden_size=16, batch_size=16, start="chrono"),
        sample=partial(_sample, length=length),
        published="LSTM 1,273,000 sequences" if length == 100 else "",
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    batch, marked = marked_pairs(seed, part, number, sequences, length=length, low=0.0, neutral=1.0)
    return replace(batch, y=marked.prod(1, keepdim=True))
