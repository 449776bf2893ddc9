"""The training loop: AdamW, a learning rate that rises and falls, clipping, early stopping, the best weights kept."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from unspool.train.callback import Callback
from unspool.train.clipping import GradientClip, Threshold
from unspool.train.log import Epoch, Fitted

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class TrainSettings:
    """How to fit.

    Attributes:
        steps: optimiser steps at most.
        learning_rate: its peak; it rises linearly over the first tenth of the steps and falls along a half cosine
            (Smith & Topin 2017, arXiv:1708.07120, in its simplest form; Loshchilov & Hutter 2017, arXiv:1608.03983).
        weight_decay: decoupled (AdamW, arXiv:1711.05101).
        clip: gradients are scaled down to this norm (Pascanu et al. 2013, arXiv:1211.5063); "observed" takes it from
            the norms of the updates before, see `GradientClip`.
        validations: how often the validation loss is taken.
        patience: validations without a better loss before stopping early.
    """

    steps: int = 500
    learning_rate: float = 1e-2
    weight_decay: float = 1e-3
    clip: Threshold = 1.0
    validations: int = 10
    patience: int = 4


def fit(
    module: nn.Module,
    batches: Iterator[Batch],
    loss: Callable[[nn.Module, Batch], Tensor],
    validate: Callable[[nn.Module], float],
    settings: TrainSettings,
    *,
    title: str = "training",
    callbacks: Sequence[Callback] = (),
    fabric: "Fabric | None" = None,
) -> Fitted:
    """Fit `module` in place and leave the weights with the lowest validation loss in it.

    Args:
        module: what is fitted.
        batches: gives a batch per step, without end; the order is the caller's and with it the seed.
        loss: (module, batch) → scalar to be minimised.
        validate: module (in evaluation mode, no gradients) → validation loss.
        settings: see `TrainSettings`.
        title: for the callbacks.
        callbacks: watch the fit.
        fabric: where to run (device, precision, processes); by default this process's CPU in full precision.

    Returns:
        The epochs and which was kept; 0 where none was, and the weights are those it began with. Ctrl-C ends the
        fit as early stopping does; a loss that is not finite ends it with the best weights so far.

    Cost: `steps` forward and backward passes and `validations` evaluations; one copy of the weights.
    """
    fabric = fabric or _local()
    optimizer = torch.optim.AdamW(module.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, settings.steps))
    wrapped, wrapped_optimizer = fabric.setup(module, optimizer)
    every = max(1, settings.steps // settings.validations)
    clip = GradientClip(settings.clip)
    start = time.perf_counter()
    kept, best = _copy(module), 0
    epochs: list[Epoch] = []
    losses: list[float] = []
    norms: list[float] = []
    stopped = "finished"
    for callback in callbacks:
        callback.on_start(title, settings.steps)
    try:
        for step in range(1, settings.steps + 1):
            module.train()
            value = loss(wrapped, next(batches))
            wrapped_optimizer.zero_grad()
            fabric.backward(value)
            norm = clip(module.parameters())
            losses.append(float(value.detach()))
            norms.append(float(norm))
            if not (math.isfinite(losses[-1]) and math.isfinite(norms[-1])):
                stopped = "no finite loss"
                break
            wrapped_optimizer.step()
            schedule.step()
            for callback in callbacks:
                callback.on_step(step, losses[-1])
            if step % every == 0 or step == settings.steps:
                epochs.append(_epoch(module, validate, len(epochs) + 1, losses, norms, start))
                losses, norms = [], []
                if epochs[-1].valid_loss < (epochs[best - 1].valid_loss if best else math.inf):
                    kept, best = _copy(module), epochs[-1].number
                for callback in callbacks:
                    callback.on_epoch(module, epochs[-1])
                if epochs[-1].number - best >= settings.patience:
                    stopped = "early stopping"
                    break
    except KeyboardInterrupt:
        stopped = "interrupted"
    if best == 0 and losses and stopped == "interrupted":
        # Nothing was validated yet: what has been learned so far is the best there is.
        epochs.append(_epoch(module, validate, 1, losses, norms, start))
        kept, best = _copy(module), 1
    module.load_state_dict(kept)
    module.eval()
    fitted = Fitted(tuple(epochs), best, stopped, time.perf_counter() - start)
    for callback in callbacks:
        callback.on_end(fitted)
    return fitted


def _rate(step: int, steps: int) -> float:
    """Share of the peak learning rate at `step` (from 0)."""
    rise = (step + 1) / max(1.0, 0.1 * steps)
    fall = 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
    return min(rise, fall)


def _epoch(
    module: nn.Module,
    validate: Callable[[nn.Module], float],
    number: int,
    losses: list[float],
    norms: list[float],
    start: float,
) -> Epoch:
    module.eval()
    with torch.no_grad():
        valid_loss = validate(module)
    mean_loss, mean_norm = sum(losses) / len(losses), sum(norms) / len(norms)
    return Epoch(number, mean_loss, valid_loss, mean_norm, time.perf_counter() - start)


def _copy(module: nn.Module) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _local() -> "Fabric":
    from lightning_fabric import Fabric

    return Fabric(accelerator="cpu", devices=1)
