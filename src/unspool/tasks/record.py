"""What is said of a run: a sentence, and a record for JSON."""

import math
from typing import Any

from unspool.tasks.run import Outcome
from unspool.tasks.task import Task


def verdict(outcome: Outcome) -> str:
    """Solved or not, after how many sequences, with which error on the test sequences, in one sentence."""
    task, test = outcome.task, outcome.test
    seen = f"{outcome.sequences:,} sequences in {outcome.updates:,} updates"
    how = {
        "criterion": "",
        "finished": ", when none were left",
        "early stopping": ", when validation got no better",
        "interrupted": ", interrupted",
        "no finite loss": ", when the loss was no longer finite",
    }[outcome.stopped]
    error = f"{task.measure.unit} {test.error:.4g}" if math.isfinite(test.error) else f"no finite {task.measure.unit}"
    head = "solved" if outcome.solved else "not solved"
    parts = [f"{head} after {seen}{how}: {error} on {test.sequences:,} test sequences, {test.wrong:,} wrong"]
    if task.baseline is not None:
        parts.append(f"{task.baseline_text}: {task.baseline:.3g}")
    return "; ".join(parts)


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything about a run, in numbers and words that JSON knows."""
    test = outcome.test
    return {
        **task_to_json(outcome.task),
        "settings": dict(vars(outcome.settings)),
        "seed": outcome.seed,
        "solved": outcome.solved,
        "stopped": outcome.stopped,
        "sequences": outcome.sequences,
        "updates": outcome.updates,
        "kept_at": outcome.kept_at,
        "error": test.error if math.isfinite(test.error) else None,
        "wrong": test.wrong,
        "test_sequences": test.sequences,
        "parameters": outcome.parameters,
        "seconds": round(outcome.seconds, 2),
    }


def task_to_json(task: Task) -> dict[str, Any]:
    """What a task is."""
    return {
        "task": task.name,
        "summary": task.summary,
        "source": task.source,
        "length": task.length,
        "criterion": task.criterion.text,
        "unit": task.measure.unit,
        "baseline": task.baseline,
        "published": task.published,
    }
