"""A fit under way: all that changes while it goes on, one step of it, and how to put it back to an earlier step."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from unspool.errors import DataError
from unspool.train.averaging import Averaging
from unspool.train.clipping import GradientClip
from unspool.train.log import Epoch, Update
from unspool.train.nested import map_tensors
from unspool.train.processes import local_batch, mean
from unspool.train.randomness import random_state, set_random_state
from unspool.train.resumable import Resumable
from unspool.train.settings import TrainSettings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SMALLEST_SCALE = 2.0**-20
"""Scale of a float16 loss below which it is no longer the scale that makes the gradients overflow."""


@dataclass(frozen=True)
class Broken:
    """A step that was not taken: its loss or its gradient is not finite.

    Attributes:
        step: its number.
        loss, gradient_norm: over all processes.
        batch: the last one, this process's rows.
        loss_state: of the loss before that batch, where it has one.
    """

    step: int
    loss: float
    gradient_norm: float
    batch: Any
    loss_state: dict[str, Any] | None


@final
class Run:
    """The state of a fit.

    Attributes:
        step: optimiser steps done.
        epochs: validations done; `best` is the number of the one whose weights are `kept`, 0 for the first weights.
        stopped: why it ended; empty while it goes on.
        retries: how often it has gone back; `reduction` is the factor on the learning rate since.
        notes: see `Fitted`.
    """

    def __init__(
        self,
        module: nn.Module,
        batches: Iterator[Any],
        loss: Callable[[nn.Module, Any], Tensor],
        settings: TrainSettings,
        fabric: "Fabric",
        optimizer: Optimizer,
        schedule: LRScheduler,
    ) -> None:
        self.module, self.batches, self.loss, self.fabric, self.settings = module, batches, loss, fabric, settings
        self.optimizer, self.schedule = optimizer, schedule
        self._wrapped, self._wrapped_optimizer = fabric.setup(module, optimizer)
        self._precision = fabric.strategy.precision
        self._clip = GradientClip(settings.clip, settings.clip_quantile)
        self._averaging = Averaging(module, settings)
        self._resumable_loss = loss if isinstance(loss, Resumable) else None
        self._started, self._drawn = time.perf_counter(), 0
        self._losses: list[float] = []
        self._norms: list[float] = []
        self.step, self.best, self.stopped = 0, 0, ""
        self.kept = weights_of(module)
        self.epochs: list[Epoch] = []
        self.retries, self.reduction = 0, 1.0
        self.notes: list[str] = []

    @property
    def seconds(self) -> float:
        """Since the start, without the time between a crash and going on."""
        return time.perf_counter() - self._started

    @property
    def unjudged(self) -> bool:
        """Whether steps were taken and none has been validated."""
        return not self.best and bool(self._losses)

    def advance(self) -> Update | Broken:
        """Take one optimiser step, if its loss and gradient are finite in every process."""
        self.module.train()
        self._wrapped_optimizer.zero_grad()
        parts: list[float] = []
        batch, before = None, None
        for last in [False] * (self.settings.accumulate - 1) + [True]:
            batch, share = local_batch(self.fabric, self._draw())
            before = self._resumable_loss.state_dict() if self._resumable_loss else None
            apart = self.fabric.world_size > 1 and not last
            with self.fabric.no_backward_sync(self._wrapped) if apart else nullcontext():
                value = self.loss(self._wrapped, batch)
                weight = share / self.settings.accumulate
                self.fabric.backward(value if weight == 1 else value * weight)
            parts.append(float(value.detach()) * share)
        loss = mean(self.fabric, sum(parts) / len(parts))
        self._precision.unscale_gradients(self.optimizer)
        norm = float(self._clip(self.module.parameters()))
        self._losses.append(loss)
        overflow = not math.isfinite(norm) and math.isfinite(loss) and self._rescales()
        if not overflow:
            self._norms.append(norm)
            if not (math.isfinite(loss) and math.isfinite(norm)):
                return Broken(self.step + 1, loss, norm, batch, before)
        self.step += 1
        rate = self._move()
        if not overflow and not isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step()
        self._averaging.update(self.module, self.step)
        return Update(self.step, loss, norm, rate, self.seconds)

    def validate(self, validate: Callable[[nn.Module], float]) -> tuple[nn.Module, Epoch]:
        """Judge the weights, or their average, and keep them if they are the best; what was judged, and the epoch."""
        judged = self._averaging.of(self.module)
        judged.eval()
        with torch.no_grad():
            valid_loss = mean(self.fabric, float(validate(judged)))
        losses, norms = (sum(v) / len(v) if v else math.nan for v in (self._losses, self._norms))
        epoch = Epoch(len(self.epochs) + 1, losses, valid_loss, norms, self.seconds)
        self._losses, self._norms = [], []
        if valid_loss < (self.epochs[self.best - 1].valid_loss if self.best else math.inf):
            self.kept, self.best = weights_of(judged), epoch.number
        self.epochs.append(epoch)
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(valid_loss)
        return judged, epoch

    def state_dict(self) -> dict[str, Any]:
        """What all processes have in common. Its tensors are those in use: copy them before the next step."""
        return {
            "step": self.step,
            "best": self.best,
            "stopped": self.stopped,
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "losses": list(self._losses),
            "norms": list(self._norms),
            "seconds": self.seconds,
            "retries": self.retries,
            "reduction": self.reduction,
            "notes": list(self.notes),
            "module": dict(self.module.state_dict()),
            "kept": dict(self.kept),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "precision": self._precision.state_dict(),
            "averaging": self._averaging.state_dict(),
            "clip": self._clip.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`, which is left as it is."""
        state = copied(state)
        self.step, self.best, self.stopped = state["step"], state["best"], state["stopped"]
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self._losses, self._norms = state["losses"], state["norms"]
        self._started = time.perf_counter() - state["seconds"]
        self.retries, self.reduction, self.notes = state["retries"], state["reduction"], state["notes"]
        self.module.load_state_dict(state["module"])
        self.kept = state["kept"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._precision.load_state_dict(state["precision"])
        self._averaging.load_state_dict(state["averaging"])
        self._clip.load_state_dict(state["clip"])

    def local_state(self) -> dict[str, Any]:
        """What this process alone has: random generators, the position of its batches, the state of its loss."""
        return {
            "drawn": self._drawn,
            "batches": self.batches.state_dict() if isinstance(self.batches, Resumable) else None,
            "loss": self._resumable_loss.state_dict() if self._resumable_loss else None,
            "random": random_state(),
        }

    def load_local_state(self, state: dict[str, Any], *, replay: bool) -> None:
        """Go on from there. Batches that are not `Resumable` are drawn anew up to it with `replay`; else they go on."""
        if isinstance(self.batches, Resumable):
            self.batches.load_state_dict(state["batches"])
            self._drawn = state["drawn"]
        elif replay:
            while self._drawn < state["drawn"]:
                self._draw()
        if self._resumable_loss:
            self._resumable_loss.load_state_dict(map_tensors(state["loss"], lambda t: t.to(self.fabric.device)))
        set_random_state(state["random"])

    def _draw(self) -> Any:
        try:
            batch = next(self.batches)
        except StopIteration:
            raise DataError(
                f"the batches ended after {self._drawn}; {self.settings.steps} steps were asked for",
                hint="give batches without end, or fewer steps",
            ) from None
        self._drawn += 1
        return batch

    def _move(self) -> float:
        """The optimiser's step, with the learning rate as the schedule has it times `reduction`; that rate."""
        groups = self.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        if self.reduction != 1:
            # Only while it steps: schedules compute the next rate from this one, or from the first, each in its way.
            for group in groups:
                group["lr"] = group["lr"] * self.reduction
        used = float(groups[0]["lr"])
        self._wrapped_optimizer.step()
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        return used

    def _rescales(self) -> bool:
        """Whether a float16 loss is scaled and may still be scaled down: then the step is left out, no more."""
        scaler = getattr(self._precision, "scaler", None)
        return scaler is not None and scaler.get_scale() > SMALLEST_SCALE


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of its parameters and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def copied(state: dict[str, Any]) -> dict[str, Any]:
    """The state with tensors of its own."""
    return map_tensors(state, lambda t: t.detach().clone())
