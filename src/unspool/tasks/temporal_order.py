"""The temporal-order task: which of two symbols came first, told at the end of a long sequence.

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), experiment 6a, in the form of Pascanu, Mikolov & Bengio 2013,
arXiv:1211.5063v2, section 4.1.1: no symbols for start and end. Two of the T symbols, one in the second tenth of the
sequence and one in the fifth, are A or B; all others are distractors. Their order, AA, AB, BA or BB, is the class. An
error made at the end must reach both, T/2 and 4T/5 to 9T/10 steps back, so a network that solves it at length T
carries gradients over as many steps.
"""

from functools import partial

import torch
from torch import Tensor

from unspool.errors import SettingError
from unspool.tasks.batch import Batch, Part, stream
from unspool.tasks.measure import Classes
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length

SYMBOLS, CLASSES = 6, 4
"""A, B and the distractors c to f; AA, AB, BA, BB."""


def temporal_order(
    sequences: int, steps: int, *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Sequences of symbols and the order of the two that matter.

    Args:
        sequences: B.
        steps: T, at least 10.
        seed: of the draw; the same seed gives the same data.
        dtype: of x.

    Returns:
        x [B, T, 6]: one symbol per step, one-hot, A and B first; y [B] int64: 2 · first + second, where A is 0 and B
        is 1. The first of the two stands in the steps T/10 up to 2T/10, the second in 4T/10 up to 5T/10.

    Raises:
        SettingError: fewer than 10 steps, or no sequence.
    """
    if steps < 10 or sequences < 1:
        raise SettingError(
            f"temporal order: {sequences} sequences of {steps} steps; it takes at least 1 of at least 10",
            hint="the two symbols stand in the second and in the fifth tenth of a sequence",
        )
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=generator)

    symbols = draw(2, SYMBOLS, sequences, steps)
    order = draw(0, 2, sequences, 2)
    places = torch.stack([draw(k * steps // 10, (k + 1) * steps // 10, sequences) for k in (1, 4)], 1)
    symbols.scatter_(1, places, order)
    return torch.nn.functional.one_hot(symbols, SYMBOLS).to(dtype), 2 * order[:, 0] + order[:, 1]


def temporal_order_2013(length: int = 100) -> Task:
    """The temporal-order task of 2013 with T = `length`, at least 10."""
    check_length("temporal-order-2013", length, 10, "the two symbols stand in the second and in the fifth tenth")
    return Task(
        name="temporal-order-2013",
        summary="order of A and B among T symbols, without marks of start and end",
        source="Pascanu, Mikolov & Bengio 2013, section 4.1.1",
        length=length,
        input_size=SYMBOLS,
        output_size=CLASSES,
        asks="last",
        measure=Classes(),
        criterion=Criterion("fewer than 1 % of 10,000 sequences wrong", held=Bar(10_000, error=0.01)),
        baseline=1 - 1 / CLASSES,
        baseline_text="always telling the same class",
        settings=TaskSettings(sequences=500_000, hidden_size=16, batch_size=16, start="chrono"),
        sample=partial(_sample, length=length),
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    return Batch(*temporal_order(sequences, length, seed=stream(seed, part, number)))
