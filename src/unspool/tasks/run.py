"""A task is run as in the papers: new sequences for every update, counted, until the criterion is met."""

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final, get_args

import torch
from torch import Tensor

from unspool.cells import find_cell
from unspool.errors import SettingError
from unspool.tasks.memory import within_memory
from unspool.tasks.network import TaskNetwork
from unspool.tasks.scoring import Score, score
from unspool.tasks.task import Bar, Start, Task, TaskSettings
from unspool.train import Callback, Epoch, Fitted, GradientClip, Update
from unspool.train.callback import Audience

NO_VALIDATION = 0.0
"""The validation loss that callbacks are told of where there is none."""


@dataclass(frozen=True)
class Outcome:
    """A run.

    Attributes:
        task, settings, seed: what was run.
        solved: whether the task's criterion is met.
        stopped: "criterion", "finished" (no sequences left), "early stopping", "interrupted" or "no finite loss".
        sequences: training sequences presented.
        updates: of the weights.
        kept_at: sequences presented when the weights that were tested had been reached.
        test: of the test sequences.
        parameters: how many numbers were trained.
        seconds: of training and validation, without the test.
    """

    task: Task
    settings: TaskSettings
    seed: int
    solved: bool
    stopped: str
    sequences: int
    updates: int
    kept_at: int
    test: Score
    parameters: int
    seconds: float


def run_task(
    task: Task, settings: TaskSettings | None = None, *, seed: int = 0, callbacks: Sequence[Callback] = ()
) -> Outcome:
    """Train a network on a task and test it.

    Args:
        task: see `unspool.tasks.CATALOGUE`.
        settings: how to train; by default the task's.
        seed: of the first weights and of all sequences. The caller's random state is left alone.
        callbacks: watch the training; a step is an update, a validation is an epoch.

    Raises:
        SettingError, CellError: a setting or the cell has no meaning.

    Cost: settings.sequences forward and backward passes at most, and a validation every `check_every` of them.
    """
    settings = settings or task.settings
    check_settings(settings)
    with within_memory(f"{task.name}, {settings.hidden_size} units"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TaskNetwork(task, settings)
        run = _Run(task, settings, seed, network, callbacks)
        run.train()
        return run.outcome()


def check_settings(settings: TaskSettings) -> None:
    """Refuse settings that train nothing.

    Raises:
        SettingError: a number is too small, or there is no such cell or start.
        CellError: the cell's page cannot be read.
    """
    for name in ("hidden_size", "num_layers", "batch_size", "sequences", "check_every"):
        if getattr(settings, name) < 1:
            raise SettingError(f"{name} is {getattr(settings, name)}; it must be at least 1")
    if not (settings.learning_rate > 0 and math.isfinite(settings.learning_rate)):
        raise SettingError(f"learning_rate is {settings.learning_rate:g}; it must be above 0")
    find_cell(settings.cell)
    if settings.start not in get_args(Start):
        raise SettingError(f"there is no start '{settings.start}'", hint=f"there are {', '.join(get_args(Start))}")


@final
class _Run:
    """The state of one training."""

    def __init__(
        self, task: Task, settings: TaskSettings, seed: int, network: TaskNetwork, callbacks: Sequence[Callback]
    ) -> None:
        self.task, self.settings, self.seed, self.network, self.callbacks = task, settings, seed, network, callbacks
        self.updates, self.stopped = 0, "finished"
        self.kept: dict[str, Tensor] | None = None
        self.kept_at, self.best, self.best_epoch, self.stale = 0, math.inf, 0, 0
        self.start, self.seconds = time.perf_counter(), 0.0
        self.epochs: list[Epoch] = []
        recent = task.criterion.recent
        self.recent: deque[tuple[float, bool]] = deque(maxlen=recent.sequences if recent else 1)

    @property
    def sequences(self) -> int:
        """Training sequences presented."""
        return self.updates * self.settings.batch_size

    def train(self) -> None:
        """Update until the criterion is met or the sequences are used up; the network then has the weights kept."""
        settings = self.settings
        total = math.ceil(settings.sequences / settings.batch_size)
        optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate)
        clip, losses, norms = GradientClip(settings.clip), list[float](), list[float]()
        every, audience = max(1, settings.check_every // settings.batch_size), Audience(self.callbacks)
        audience.tell(lambda c: c.on_start(self._title(), total))
        try:
            for update in range(1, total + 1):
                if settings.falls:
                    optimizer.param_groups[0]["lr"] = settings.learning_rate * _share(update, total)
                loss, norm = self._update(update, optimizer, clip)
                losses.append(loss)
                norms.append(norm)
                if not math.isfinite(loss) or not math.isfinite(norm):
                    self.stopped = "no finite loss"
                    break
                self.updates = update
                self._tell_step(audience, loss, norm, optimizer.param_groups[0]["lr"])
                if self._is_recent_met() and (self.task.criterion.held is None or self._has_gone(update, every, total)):
                    self._check(audience, losses, norms)
                    losses, norms = [], []
                    if self.stopped != "finished":
                        break
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        if self.kept is not None:
            self.network.load_state_dict(self.kept)
        else:
            self.kept_at = self.sequences
        self.seconds = time.perf_counter() - self.start
        if not self.epochs and losses:
            self._record(NO_VALIDATION, losses, norms)
        fitted = Fitted(tuple(self.epochs), self.best_epoch or len(self.epochs), self.stopped, self.seconds)
        audience.tell(lambda c: c.on_end(fitted))

    def outcome(self) -> Outcome:
        """Test the weights kept."""
        criterion, held = self.task.criterion, self.task.criterion.held
        count = criterion.test if held is None else held.sequences
        test = score(self.network, self.task, self.seed, "test", count)
        if held is None:
            solved = self.stopped == "criterion"
        else:
            reached = self.stopped == "criterion" or not criterion.ends
            solved = reached and held.is_met(test.error, test.wrong)
        parameters = sum(p.numel() for p in self.network.parameters())
        counts = (self.sequences, self.updates, self.kept_at)
        return Outcome(
            self.task, self.settings, self.seed, solved, self.stopped, *counts, test, parameters, self.seconds
        )

    def _update(self, update: int, optimizer: torch.optim.Optimizer, clip: GradientClip) -> tuple[float, float]:
        batch = self.task.draw(self.settings.batch_size, seed=self.seed, number=update - 1)
        self.network.train()
        output = self.network(batch)
        loss = self.task.measure.loss(output, batch)
        if self.task.criterion.recent is not None:
            with torch.no_grad():
                errors = self.task.measure.errors(output, batch).tolist()
                self.recent.extend(zip(errors, self.task.measure.right(output, batch).tolist(), strict=True))
        optimizer.zero_grad()
        loss.backward()
        norm = float(clip(self.network.parameters()))
        if math.isfinite(norm):
            optimizer.step()
        return float(loss.detach()), norm

    def _is_recent_met(self) -> bool:
        bar = self.task.criterion.recent
        if bar is None:
            return True
        if len(self.recent) < bar.sequences:
            return False
        wrong = sum(not right for _, right in self.recent)
        return (bar.wrong is None or wrong <= bar.wrong) and bar.is_met(
            self.task.measure.total(sum(error for error, _ in self.recent) / len(self.recent)), wrong
        )

    def _has_gone(self, update: int, every: int, total: int) -> bool:
        return update % every == 0 or update == total

    def _tell_step(self, audience: Audience, loss: float, norm: float, rate: float) -> None:
        update = Update(self.updates, loss, norm, rate, time.perf_counter() - self.start)
        audience.tell(lambda c: c.on_step(update.step, loss))
        audience.tell_detailed(lambda c: c.on_update(update))

    def _check(self, audience: Audience, losses: list[float], norms: list[float]) -> None:
        """A validation; where the criterion is about training sequences alone, it is met already."""
        held = self.task.criterion.held
        if held is None:
            self.stopped = "criterion"
            self._record(NO_VALIDATION, losses, norms)
            return
        found = self._validate(held)
        self._record(found.error, losses, norms)
        audience.tell(lambda c: c.on_epoch(self.network, self.epochs[-1]))
        ended = self.task.criterion.ends and held.is_met(found.error, found.wrong)
        if found.error < self.best or ended:
            self.best, self.kept_at, self.stale, self.best_epoch = found.error, self.sequences, 0, len(self.epochs)
            self.kept = {name: value.clone() for name, value in self.network.state_dict().items()}
        else:
            self.stale += 1
        if ended:
            self.stopped = "criterion"
        elif self.settings.patience and self.stale >= self.settings.patience:
            self.stopped = "early stopping"

    def _record(self, error: float, losses: list[float], norms: list[float]) -> None:
        mean, norm = sum(losses) / len(losses), sum(norms) / len(norms)
        self.epochs.append(Epoch(len(self.epochs) + 1, mean, error, norm, time.perf_counter() - self.start))

    def _validate(self, held: Bar) -> Score:
        limit = held.wrong if self.task.criterion.ends else None
        return score(self.network, self.task, self.seed, "validation", held.sequences, wrong=limit)

    def _title(self) -> str:
        return f"{self.task.name}, {self.settings.cell}"


def _share(update: int, total: int) -> float:
    """Of the peak rate: it falls along a half cosine."""
    return 0.5 * (1 + math.cos(math.pi * (update - 1) / total))
