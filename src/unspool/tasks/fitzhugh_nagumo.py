"""FitzHugh–Nagumo prediction: the next value of a relaxation oscillator, whose time scales are 50 times apart.

    v̇ = v − v³/3 − w + I          I = .5
    ẇ = τ (v + a − b w)            τ = .02, a = .7, b = .8

Rusch, Mishra, Erichson & Mahoney 2022 (LEM), arXiv:2110.04744, section 5, and their code: v(0) uniform in −1 … 1,
w(0) = 0, 1,000 values of v over 400 time units; read v, tell the next v at every step; 128 sequences for training, 128
for validation, 1,024 for the test; the error is the root mean square. Theirs were solved by scipy's solve_ivp at its
default tolerance of .001, these by eight Runge–Kutta steps for each value, which is closer. Solved here: at or below
the paper's LSTM, .012.
"""

from functools import lru_cache, partial

import numpy as np
import torch

from unspool.tasks.batch import PARTS, Batch, Part, generator, rows_of
from unspool.tasks.measure import Values
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length
from unspool.tasks.trajectory import Array, trajectory

CURRENT, A, B, TAU, STEP = 0.5, 0.7, 0.8, 0.02, 0.4
SIZES: dict[Part, int] = {"training": 128, "validation": 128, "test": 1024}


def fitzhugh_nagumo(length: int = 1000) -> Task:
    """FitzHugh–Nagumo prediction over T = `length` steps, at least 1."""
    check_length("fitzhugh-nagumo", length, 1, "it is the number of values that are read")
    return Task(
        name="fitzhugh-nagumo",
        summary="a relaxation oscillator's next value, at every step",
        source="Rusch, Mishra, Erichson & Mahoney 2022 (LEM), section 5",
        length=length,
        input_size=1,
        output_size=1,
        asks="every",
        measure=Values(0.1, "RMSE"),
        criterion=Criterion(
            "RMSE on the test sequences at or below the paper's LSTM, .012",
            held=Bar(SIZES["test"], error=0.012),
            ends=False,
        ),
        baseline=BASELINE if length == 1000 else None,
        baseline_text="predicting the mean",
        settings=TaskSettings(cell="lem", hidden_size=16, sequences=25_600, falls=True, check_every=1024),
        sample=partial(_sample, length=length),
        published="LSTM .012, coRNN .004, LEM .002",
        sizes=SIZES,
        chunk=128,
    )


BASELINE = 1.477
"""Deviation of v over the 400 time units; a test computes it."""


def fitzhugh_nagumo_flow(y: Array) -> Array:
    """ẏ [B, 2] of y = (v, w) [B, 2]."""
    v, w = y[..., 0], y[..., 1]
    return np.stack([v - v * v * v / 3 - w + CURRENT, TAU * (v + A - B * w)], -1)


@lru_cache(maxsize=4)
def _sequences(seed: int, length: int) -> dict[Part, torch.Tensor]:
    """Part → v [B, length + 1]."""
    starts = [2 * torch.rand(SIZES[part], generator=generator(seed, part, 0)) - 1 for part in PARTS]
    v = torch.cat(starts).double().numpy()
    states = trajectory(fitzhugh_nagumo_flow, np.stack([v, np.zeros_like(v)], -1), STEP, length, 8)
    tensor = torch.tensor(states[..., 0], dtype=torch.float32)
    return dict(zip(PARTS, tensor.split(list(SIZES.values())), strict=True))


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    whole = _sequences(seed, length)[part]
    rows = rows_of(seed, part, number, sequences, len(whole))
    return Batch(whole[rows, :-1, None], whole[rows, 1:, None])
