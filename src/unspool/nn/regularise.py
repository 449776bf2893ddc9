"""Noise inside a recurrence while it trains: dropout masks frozen over time, and zoneout."""

from collections.abc import Mapping

import torch
from torch import Tensor

from unspool.errors import SettingError
from unspool.ir import StepGraph, Variable


def dropout_masks(
    masks: tuple[Variable, ...], probability: float, x: Tensor, sizes: Mapping[str, int]
) -> dict[str, Tensor]:
    """Name → mask [T, B, size] of 0 and 1 / (1 − p) for a layer with the input x [T, B, ·], the same at all steps.

    Memory: B · size numbers each.
    """
    kept = 1 - probability
    return {
        mask.name: (torch.bernoulli(x.new_full((x.shape[1], sizes[mask.size]), kept)) / kept).expand(len(x), -1, -1)
        for mask in masks
    }


def zoneout_masks(masks: tuple[Variable, ...], x: Tensor, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Name → mask [T, B, size] of 0 and 1, for every step anew; 1 with the probability that is the input's default.

    Memory: T · B · size numbers each.
    """
    steps, batch = x.shape[:2]
    return {
        mask.name: torch.bernoulli(x.new_full((1, 1, 1), mask.default or 0.0).expand(steps, batch, sizes[mask.size]))
        for mask in masks
    }


def checked_rates(
    graph: StepGraph, recurrent_dropout: float, zoneout: float | Mapping[str, float]
) -> tuple[tuple[str, float], ...]:
    """(state, probability) of the states that zoneout is for, in the page's order.

    Raises:
        SettingError: a probability is below 0 or not below 1, or a state is not on the page.
    """
    states = [s.name for s in graph.states]
    rates = dict(zoneout) if isinstance(zoneout, Mapping) else dict.fromkeys(states, zoneout)
    if unknown := rates.keys() - set(states):
        raise SettingError(
            f"{graph.name}: zoneout on '{min(unknown)}', which is no state of it",
            hint=f"its states: {', '.join(states)}",
        )
    named = {"recurrent_dropout": recurrent_dropout, **{f"zoneout of {name}": rate for name, rate in rates.items()}}
    for what, rate in named.items():
        if not 0 <= rate < 1:
            raise SettingError(f"{graph.name}: {what} is {rate}; it is a probability, from 0 to below 1")
    return tuple((name, rates[name]) for name in states if rates.get(name))
