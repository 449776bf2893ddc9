"""One cell on one task from one seed at one rate: train, validate, test once."""

import ast
import hashlib
import math
import time
from typing import Any

import torch

from benchmarks.cells.network import Network, fitting_size
from benchmarks.cells.trials import BUDGET, CLIP, CPU_LIMIT, Trial
from unspool import Cell
from unspool.tasks import Batch, Task
from unspool.tasks.batch import Part

Record = dict[str, Any]
"""One run as a line of JSON; `run_trial` says what is in it."""


def run_trial(cell: Cell, trial: Trial, task: Task, seed: int, rate: float) -> Record:
    """Train, validate and test.

    Args:
        cell: any.
        trial: how.
        task: the trial's.
        seed: of the first weights and of all sequences.
        rate: Adam's peak rate.

    Returns:
        cell, task, seed, rate; settings and page, the hashes of what decides the result; hidden_size, layers,
        parameters; validation, the loss, and score, of the test sequences, in the trial's unit: both None where
        training broke down, that is where a gradient was not finite; updates and cpu_seconds of the training;
        steps_per_second, B · T of its updates by CPU second; bytes_per_step, kept in memory per step and sequence.
    """
    size = fitting_size(cell, task.input_size, task.output_size, BUDGET)
    torch.manual_seed(seed)
    network = Network(cell, task, size)
    updates, seconds, is_sound = _train(network, trial, task, seed, rate)
    loss = score = math.nan
    if is_sound:
        loss = _measure(network, task, seed, "validation", trial.held)[0]
        error = _measure(network, task, seed, "test", trial.tested)[1]
        score = 100 * (1 - error) if trial.in_percent else error
    if not math.isfinite(loss) or not math.isfinite(score):
        loss = score = math.nan
    steps = updates * trial.batch_size * task.draw(1).x.shape[1]
    return {
        "cell": cell.name,
        "task": trial.name,
        "seed": seed,
        "rate": rate,
        "settings": trial.settings,
        "page": page_hash(cell),
        "hidden_size": size.units,
        "layers": size.layers,
        "parameters": size.parameters,
        "validation": _finite(loss),
        "score": _finite(score),
        "updates": updates,
        "cpu_seconds": round(seconds, 3),
        "steps_per_second": round(steps / max(seconds, 1e-9)),
        "bytes_per_step": network.recurrence.saved_bytes_per_step(),
    }


def page_hash(cell: Cell) -> str:
    """Of a page without its docstring: what is computed, and how it starts."""
    lines = cell.page.splitlines()
    first = next(iter(ast.parse(cell.page).body), None)
    words = first.end_lineno or 0 if isinstance(first, ast.Expr) else 0
    return hashlib.sha256("\n".join(lines[words:]).strip().encode()).hexdigest()[:12]


def _train(network: Network, trial: Trial, task: Task, seed: int, rate: float) -> tuple[int, float, bool]:
    """Updates made, CPU seconds that they took, and whether all gradients were finite."""
    learned = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=rate)
    # Compiled before the clock runs.
    task.measure.loss(network(first := task.draw(trial.batch_size, seed=seed)), first).backward()
    seconds = 0.0
    for update in range(trial.updates):
        optimizer.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * update / trial.updates))
        batch = task.draw(trial.batch_size, seed=seed, number=update)
        start = time.process_time()
        norm = _update(network, task, batch, optimizer, learned)
        seconds += time.process_time() - start
        if not math.isfinite(norm):
            return update, seconds, False
        if seconds > CPU_LIMIT:
            return update + 1, seconds, True
    return trial.updates, seconds, True


def _update(
    network: Network, task: Task, batch: Batch, optimizer: torch.optim.Optimizer, learned: list[torch.nn.Parameter]
) -> float:
    """One update; the gradient's norm, which is not finite where nothing was changed."""
    optimizer.zero_grad()
    task.measure.loss(network(batch), batch).backward()
    norm = float(torch.nn.utils.clip_grad_norm_(learned, CLIP))
    if math.isfinite(norm):
        optimizer.step()
    return norm


@torch.no_grad()
def _measure(network: Network, task: Task, seed: int, part: Part, sequences: int) -> tuple[float, float]:
    """Mean loss and mean error of a part's first sequences, or of all where it is finite."""
    loss = error = 0.0
    seen = number = 0
    sequences = (task.sizes or {}).get(part, sequences)
    while seen < sequences:
        batch = task.draw(min(task.chunk, sequences), seed=seed, part=part, number=number)
        output = network(batch)
        loss += float(task.measure.loss(output, batch)) * len(batch.x)
        error += float(task.measure.errors(output, batch).sum())
        seen, number = seen + len(batch.x), number + 1
    return loss / seen, error / seen


def _finite(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
