"""The adding task of 1997: the sum of two marked numbers, told at the end of a long sequence.

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), experiment 4. Numbers are uniform in −1 … 1, see `marked_pairs`;
the answer is .5 + (X₁ + X₂)/4. A sequence is right when the absolute error at its end is below .04. Training ends when
the last 2,000 sequences were all right and their mean absolute error is below .01 (the paper says "average training
error", not of what). 2,560 further sequences are the test.
"""

from dataclasses import replace
from functools import partial

from unspool.tasks.batch import Batch, Part
from unspool.tasks.marked_pairs import check_pairs, marked_pairs
from unspool.tasks.measure import Values
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings

TOLERANCE = 0.04
PUBLISHED = {100: "74,000", 500: "209,000", 1000: "853,000"}


def adding(length: int = 100) -> Task:
    """The adding task with T = `length`, at least 20."""
    check_pairs("adding", length)
    return Task(
        name="adding",
        summary="sum of two marked numbers among T in −1 … 1",
        source="Hochreiter & Schmidhuber 1997, experiment 4",
        length=length,
        input_size=2,
        output_size=1,
        asks="last",
        measure=Values(TOLERANCE, "mean absolute error"),
        criterion=Criterion(
            "of the last 2,000 training sequences all have an absolute error below .04, on average below .01",
            recent=Bar(2000, error=0.01, wrong=0),
        ),
        baseline=1 / 6,
        baseline_text="always predicting .5, first pairs being left alone",
        settings=TaskSettings(hidden_size=16, batch_size=16, sequences=1_000_000, start="chrono"),
        sample=partial(_sample, length=length),
        published=f"LSTM {PUBLISHED[length]} sequences" if length in PUBLISHED else "",
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    batch, marked = marked_pairs(seed, part, number, sequences, length=length, low=-1.0, neutral=0.0)
    return replace(batch, y=0.5 + marked.sum(1, keepdim=True) / 4)
