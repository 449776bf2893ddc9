"""Any optimiser and schedule of torch, by name and options."""

import difflib
import inspect
import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from unspool.errors import SettingError
from unspool.train.settings import TrainSettings

MakeOptimizer = Callable[[list[nn.Parameter]], Optimizer]
MakeSchedule = Callable[[Optimizer], LRScheduler]

OWN_SCHEDULES = ("cosine", "constant")


def make_optimizer(parameters: Iterable[nn.Parameter], settings: TrainSettings) -> Optimizer:
    """The optimiser that the settings name, on these parameters.

    Raises:
        SettingError: torch has no such optimiser, it takes no such option, or it cannot be run a step at a time.
    """
    name = settings.optimizer
    known = {key: cls for key, cls in vars(torch.optim).items() if _is_kind(cls, Optimizer)}
    cls = _find("optimizer", name, known, ())
    if cls is torch.optim.LBFGS:
        raise SettingError(
            "the optimizer LBFGS evaluates the loss many times per step, which batches do not allow",
            hint="take AdamW, SGD, Adafactor or another one that makes one step per gradient",
        )
    options = read_options("optimizer", settings.optimizer_options)
    taken = inspect.signature(cls).parameters
    if "weight_decay" in taken:
        options = {"weight_decay": settings.weight_decay, **options}
    return _made("optimizer", cls, options, [*parameters], lr=settings.learning_rate)


def make_schedule(optimizer: Optimizer, settings: TrainSettings) -> LRScheduler:
    """The schedule that the settings name; it is stepped once per optimiser step.

    Raises:
        SettingError: torch has no such schedule, or it takes no such option.
    """
    name = settings.schedule
    options = read_options("schedule", settings.schedule_options)
    if name in OWN_SCHEDULES:
        if options:
            raise SettingError(f"the schedule '{name}' takes no options; given: {', '.join(options)}")
        if name == "constant":
            return LambdaLR(optimizer, lambda step: 1.0)
        return LambdaLR(optimizer, lambda step: _cosine(step, settings.steps))
    known = {key: cls for key, cls in vars(lr_scheduler).items() if _is_kind(cls, LRScheduler)}
    return _made("schedule", _find("schedule", name, known, OWN_SCHEDULES), options, optimizer)


def read_options(what: str, options: Sequence[str]) -> dict[str, Any]:
    """("momentum=0.9", "nesterov=true") → {"momentum": 0.9, "nesterov": True}; a list becomes a tuple.

    Raises:
        SettingError: one has no "=" or no value of JSON; a bare word is a string.
    """
    found: dict[str, Any] = {}
    for option in options:
        name, separator, text = option.partition("=")
        if not separator or not name.strip():
            raise SettingError(f"{what} option '{option}' is not of the form name=value", hint="e.g. momentum=0.9")
        try:
            value = json.loads(text)
        except ValueError:
            value = text.strip()
        found[name.strip()] = tuple(value) if isinstance(value, list) else value
    return found


def _cosine(step: int, steps: int) -> float:
    """Share of the peak learning rate at `step` (from 0)."""
    rise = (step + 1) / max(1.0, 0.1 * steps)
    fall = 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
    return min(rise, fall)


def _is_kind(value: object, kind: type) -> bool:
    return inspect.isclass(value) and issubclass(value, kind) and value is not kind


def _find(what: str, name: str, known: dict[str, Any], own: Sequence[str]) -> Any:
    if name in known:
        return known[name]
    names = [*own, *known]
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1)
    meant = next((n for n in names if near and n.lower() == near[0]), None)
    guess = f"did you mean '{meant}'? " if meant else ""
    raise SettingError(f"unknown {what} '{name}'", hint=f"{guess}it is one of: {', '.join(names)}")


def _made(what: str, cls: Any, options: dict[str, Any], *given: Any, **named: Any) -> Any:
    try:
        return cls(*given, **{**named, **options})
    except (TypeError, ValueError, AssertionError) as error:
        takes = [name for name in inspect.signature(cls).parameters if name not in ("params", "optimizer", "self")]
        raise SettingError(
            f"the {what} {cls.__name__} cannot be made: {error}", hint=f"its options are: {', '.join(takes)}"
        ) from None
