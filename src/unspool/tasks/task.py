"""A task: sequences made to order, what is asked of them, and when the paper calls it solved."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

from unspool.errors import SettingError
from unspool.tasks.batch import Batch, Part
from unspool.tasks.measure import Measure
from unspool.tasks.memory import within_memory

Start = Literal["plain", "chrono", "orthogonal", "identity", "forget"]


LONGEST = 1_000_000


@dataclass(frozen=True)
class Bar:
    """What a number of sequences must come up to.

    Attributes:
        sequences: how many are looked at.
        error: their error lies below.
        wrong: so many of them are wrong at most; None for any number.
    """

    sequences: int
    error: float = math.inf
    wrong: int | None = None

    def is_met(self, error: float, wrong: int) -> bool:
        """Whether this error and number of wrong sequences will do."""
        return error < self.error and (self.wrong is None or wrong <= self.wrong)


@dataclass(frozen=True)
class Criterion:
    """When a task is solved.

    Attributes:
        text: in words.
        recent: what the most recent training sequences must come up to, each scored before it is learned from.
        held: what fresh sequences must come up to: validation sequences end the training, test sequences decide.
        test: test sequences that are scored where `held` is None.
        ends: whether training ends when the criterion is met; otherwise it goes on while validation gets better.
    """

    text: str
    recent: Bar | None = None
    held: Bar | None = None
    test: int = 2560
    ends: bool = True


@dataclass(frozen=True)
class TaskSettings:
    """How to train: a task's own are the best on validation sequences of the few that were tried.

    Attributes:
        cell: name of a cell, or FILE.py:NAME.
        hidden_size: H.
        num_layers: L.
        batch_size: sequences per update.
        sequences: training sequences at most.
        learning_rate: of Adam, constant; where `falls`, its peak, which falls to zero along a half cosine.
        falls: whether the rate falls.
        clip: the gradient's norm is scaled down to this.
        dropout: of the output before the readout.
        start: first values of the recurrent weights; a cell that has no such start keeps its plain one.
        check_every: training sequences between two validations.
        patience: validations without a better one before training ends; 0 for any number.
    """

    cell: str = "lstm"
    hidden_size: int = 32
    num_layers: int = 1
    batch_size: int = 32
    sequences: int = 100_000
    learning_rate: float = 1e-2
    falls: bool = False
    clip: float = 1.0
    dropout: float = 0.0
    start: Start = "plain"
    check_every: int = 2_000
    patience: int = 0


@final
@dataclass(frozen=True)
class Task:
    """A classical experiment.

    Attributes:
        name: as `unspool task` knows it.
        summary: what it tests.
        source: the paper.
        length: T, or what the paper calls so; sequences may be longer.
        input_size: I.
        output_size: O.
        asks: "last": one answer after the last step; "every": one per step.
        measure: loss, error, right or wrong.
        criterion: when it is solved.
        baseline: the error of what `baseline_text` says; None where it takes data that are not there.
        baseline_text: how to answer without having learned anything, such as "always predicting 1".
        settings: how to train.
        sample: (seed, part, number, sequences) → batch; `draw` checks its arguments.
        published: what others reached, in words; "" for nothing.
        sizes: part → how many sequences there are, where they are a finite set.
        chunk: sequences scored at a time.
    """

    name: str
    summary: str
    source: str
    length: int
    input_size: int
    output_size: int
    asks: Literal["last", "every"]
    measure: Measure
    criterion: Criterion
    baseline: float | None
    baseline_text: str
    settings: TaskSettings
    sample: Callable[[int, Part, int, int], Batch]
    published: str = ""
    sizes: Mapping[Part, int] | None = None
    chunk: int = 500

    def draw(self, sequences: int, *, seed: int = 0, part: Part = "training", number: int = 0) -> Batch:
        """Batch `number` of a part. The same arguments give the same batch; parts and numbers share no random stream.

        Where the sequences are a finite set, a training batch is drawn from the training set with replacement, and
        validation and test batches are that part's in order, the last one shorter.

        Raises:
            SettingError: fewer than one sequence, a negative seed or number, or a batch past the end of a finite part.
        """
        if sequences < 1 or seed < 0 or number < 0:
            raise SettingError(
                f"{self.name}: {sequences} sequences, seed {seed}, batch {number}",
                hint="at least 1 sequence; seeds and batches count from 0 on",
            )
        size = (self.sizes or {}).get(part)
        if part != "training" and size is not None and number * sequences >= size:
            raise SettingError(f"{self.name}: the {part} part has {size} sequences; batch {number} lies past its end")
        with within_memory(f"{self.name}, {sequences} sequences of length {self.length}"):
            return self.sample(seed, part, number, sequences)


def check_length(name: str, length: int, least: int, why: str, most: int = LONGEST) -> None:
    """Refuse a length that the task has no sequences of.

    Raises:
        SettingError: it is below `least`, or above `most`.
    """
    if length < least:
        raise SettingError(f"{name}: length is {length}; it takes at least {least}", hint=why)
    if length > most:
        raise SettingError(f"{name}: length is {length}; it takes at most {most:,}")
