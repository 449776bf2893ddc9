"""Classical experiments: data made to order, the papers' criteria, and a runner that counts sequences."""

from unspool.tasks.batch import Batch
from unspool.tasks.catalogue import TASKS, find_task
from unspool.tasks.flip_flop import flip_flop
from unspool.tasks.run import Outcome, run_task
from unspool.tasks.scoring import Score
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings
from unspool.tasks.temporal_order import temporal_order

__all__ = [
    "TASKS",
    "Bar",
    "Batch",
    "Criterion",
    "Outcome",
    "Score",
    "Task",
    "TaskSettings",
    "find_task",
    "flip_flop",
    "run_task",
    "temporal_order",
]
