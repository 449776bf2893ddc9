"""Scoring a network on sequences that it does not learn from."""

from dataclasses import dataclass, replace

import torch

from unspool.tasks.batch import Batch, Part
from unspool.tasks.network import TaskNetwork
from unspool.tasks.task import Task


@dataclass(frozen=True)
class Score:
    """How a number of sequences came out: error in the task's unit, how many were wrong, of how many."""

    error: float
    wrong: int
    sequences: int


def score(
    network: TaskNetwork, task: Task, seed: int, part: Part, sequences: int, *, wrong: int | None = None
) -> Score:
    """Score sequences of a part: its first ones, or all of them where it is finite; the network then is in eval mode.

    Args:
        network: what answers.
        task: what asks.
        seed: of the run.
        part: which sequences.
        sequences: how many.
        wrong: no further sequences are looked at when more than this are wrong; by default all are.
    """
    network.eval()
    errors = weights = 0.0
    bad = seen = number = 0
    sequences = (task.sizes or {}).get(part, sequences)
    chunk = min(task.chunk, sequences)
    with torch.no_grad():
        while seen < sequences and (wrong is None or bad <= wrong):
            batch = task.draw(chunk, seed=seed, part=part, number=number)
            batch = _first(batch, sequences - seen)
            output = network(batch)
            weight = task.measure.weights(output, batch)
            errors += float((task.measure.errors(output, batch) * weight).sum())
            weights += float(weight.sum())
            bad += int((~task.measure.right(output, batch)).sum())
            seen, number = seen + len(batch.x), number + 1
    return Score(task.measure.total(errors / weights), bad, seen)


def _first(batch: Batch, count: int) -> Batch:
    """The first `count` sequences of a batch."""
    if len(batch.x) <= count:
        return batch
    return replace(batch, **{k: v[:count] for k, v in vars(batch).items() if v is not None})
