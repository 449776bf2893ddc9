"""Lorenz-96 prediction: from the states of a chaotic system so far, the one that comes 25 steps later.

    ẋ_j = (x_{j+1} − x_{j−2}) x_{j−1} − x_j + F          Lorenz 1996; indices are modulo N

After Rusch & Mishra 2021 (coRNN), arXiv:2010.00951, whose five variables, F = 8, and 25 steps ahead these are. Ours:
steps of .01, starts uniform within ½ of F, of which the first 10 time units are left out, 128 sequences for training,
128 for validation, 1,024 for the test. x and y are standardised by the training part, so that predicting the mean has
an error of 1, and the error is their NRMSE. No paper sets a bar: here it is .05.
"""

from functools import lru_cache, partial

import numpy as np
import torch

from unspool.tasks.batch import PARTS, Batch, Part, generator, rows_of
from unspool.tasks.measure import Values
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length
from unspool.tasks.trajectory import Array, trajectory

VARIABLES, FORCING, AHEAD, STEP, SETTLING = 5, 8.0, 25, 0.01, 10.0
SIZES: dict[Part, int] = {"training": 128, "validation": 128, "test": 1024}


def lorenz_96(length: int = 500) -> Task:
    """Lorenz-96 prediction over T = `length` steps, at least 1."""
    check_length("lorenz-96", length, 1, "it is the number of states that are read")
    return Task(
        name="lorenz-96",
        summary="a chaotic system's state 25 steps ahead, at every step",
        source="Lorenz 1996; after Rusch & Mishra 2021 (coRNN)",
        length=length,
        input_size=VARIABLES,
        output_size=VARIABLES,
        asks="every",
        measure=Values(0.5, "RMSE"),
        criterion=Criterion(
            "NRMSE below .05 on the test sequences (no paper sets a bar)",
            held=Bar(SIZES["test"], error=0.05),
            ends=False,
        ),
        baseline=1.0,
        baseline_text="predicting the mean",
        settings=TaskSettings(cell="gru", hidden_size=64, sequences=50_000, falls=True),
        sample=partial(_sample, length=length),
        sizes=SIZES,
        chunk=128,
    )


def lorenz_96_flow(x: Array, forcing: float = FORCING) -> Array:
    """ẋ [B, N] of x [B, N]."""
    return (np.roll(x, -1, -1) - np.roll(x, 2, -1)) * np.roll(x, 1, -1) - x + forcing


@lru_cache(maxsize=4)
def _sequences(seed: int, length: int) -> dict[Part, torch.Tensor]:
    """Part → standardised states [B, length + 25, N]."""
    starts = [torch.rand(SIZES[part], VARIABLES, generator=generator(seed, part, 0)) - 0.5 for part in PARTS]
    begin = FORCING + torch.cat(starts).double().numpy()
    settled = trajectory(lorenz_96_flow, begin, SETTLING, 1, round(SETTLING / STEP))[:, -1]
    states = trajectory(lorenz_96_flow, settled, STEP, length + AHEAD - 1)
    training = states[: SIZES["training"]]
    tensor = torch.tensor((states - training.mean()) / training.std(), dtype=torch.float32)
    return dict(zip(PARTS, tensor.split(list(SIZES.values())), strict=True))


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    whole = _sequences(seed, length)[part]
    rows = rows_of(seed, part, number, sequences, len(whole))
    return Batch(whole[rows, :-AHEAD], whole[rows, AHEAD:])
