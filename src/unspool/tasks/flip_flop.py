"""The flip-flop task: remember the sign of the last pulse on each of several channels.

Sussillo & Barak 2013, Neural Computation 25(3), 626–649, section 3.1 (3 bits). Each bit must be held against the
others' pulses for as long as no pulse of its own comes, so a network that solves it has a stable fixed point for each
of the 2^bits memories, and saddles between them.
"""

from functools import partial

import torch
from torch import Tensor

from unspool.errors import SettingError
from unspool.tasks.batch import Batch, Part, stream
from unspool.tasks.measure import Values
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length

BITS, RATE = 3, 0.25


def flip_flop(
    sequences: int,
    steps: int,
    *,
    bits: int = BITS,
    pulse_rate: float = RATE,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """Pulses and what is to be remembered of them.

    Args:
        sequences: B.
        steps: T.
        bits: channels, each remembered by itself.
        pulse_rate: probability of a pulse per step and channel; every channel has one at the first step.
        seed: of the draw; the same seed gives the same data.
        dtype: of both results.

    Returns:
        x [B, T, bits]: 0, or a pulse of −1 or 1; y [B, T, bits]: the last pulse so far, −1 or 1.

    Raises:
        SettingError: no sequence, step or bit, or a rate that is no probability.
    """
    if min(sequences, steps, bits) < 1 or not 0 <= pulse_rate <= 1:
        raise SettingError(
            f"flip-flop: {sequences} sequences of {steps} steps, {bits} bits, pulses at a rate of {pulse_rate}",
            hint="at least 1 of each, and a probability from 0 to 1",
        )
    generator = torch.Generator().manual_seed(seed)
    shape = (sequences, steps, bits)
    x = torch.randint(0, 2, shape, generator=generator, dtype=dtype) * 2 - 1
    is_pulse = torch.rand(shape, generator=generator) < pulse_rate
    is_pulse[:, :1] = True
    last = torch.where(is_pulse, torch.arange(steps)[:, None], 0).cummax(1).values
    return x * is_pulse, x.gather(1, last)


def flip_flop_task(length: int = 100) -> Task:
    """The 3-bit flip-flop over T = `length` steps, at least 1. The paper sets no bar; here it is an MSE below .01."""
    check_length("flip-flop", length, 1, "it is the number of steps")
    return Task(
        name="flip-flop",
        summary="sign of the last pulse on each of three channels, at every step",
        source="Sussillo & Barak 2013, section 3.1",
        length=length,
        input_size=BITS,
        output_size=BITS,
        asks="every",
        measure=Values(1.0),
        criterion=Criterion("MSE below .01 on 1,000 sequences (the paper sets no bar)", held=Bar(1000, error=0.01)),
        baseline=1.0,
        baseline_text="always predicting 0",
        settings=TaskSettings(hidden_size=16, sequences=100_000),
        sample=partial(_sample, length=length),
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    return Batch(*flip_flop(sequences, length, seed=stream(seed, part, number)))
