"""Integrated gradients: what each number that a forecast is read from adds to it, from rest on.

    A_i = (x_i − r_i) ∫₀¹ ∂f(r + α (x − r))/∂x_i dα          Σ_i A_i = f(x) − f(r)

Sundararajan, Taly & Yan 2017, arXiv:1703.01365, eqs. 1 and 3; the sum is their completeness. f is the whole model, the
level that is taken off the window and put back included. The integral is Gauss's in t with α = t³: a window's unit
(its deviation) moves fastest where it is nearly flat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from unspool.errors import ModelError
from unspool.forecast.explanation.opened import Inputs, Opened, rows
from unspool.forecast.windows import Window

NODES = 32
"""Points of the integral."""


@final
@dataclass(frozen=True)
class Attribution:
    """Of B windows and K steps ahead, in units of the windows.

    Attributes:
        forecast, rest: [B, K] the point forecasts of the windows and of the windows at rest.
        added: input → [B, K, ·] what each number adds.
        gradients: input → [B, K, ·] ∂ forecast / ∂ number, at the windows themselves.
    """

    forecast: Tensor
    rest: Tensor
    added: Inputs
    gradients: Inputs


def attribute(model: Opened, window: Window, resting: Window, ahead: Sequence[int], nodes: int = NODES) -> Attribution:
    """Attribute the point forecasts of a batch.

    Args:
        model: the network.
        window: B windows.
        resting: the same at rest.
        ahead: K steps of the horizon, from 0.
        nodes: points of the integral.

    Raises:
        ModelError: no gradient passes from the forecast to what it is read from.

    Cost: nodes + 1 forward passes and K times as many backward passes.
    """
    places, weights = np.polynomial.legendre.leggauss(nodes)
    t = (places + 1) / 2
    alpha = torch.tensor([*t**3, 1.0, 0.0], dtype=torch.float32)  # the last two: the window itself, and at rest
    weight = torch.tensor([*(1.5 * weights * t**2), 0.0, 0.0], dtype=torch.float32)
    size, count = len(window.past), len(alpha)
    repeated = torch.arange(size).repeat_interleave(count)
    start, end = model.inputs(resting), model.inputs(window)
    points = {name: _between(start[name], end[name], alpha) for name in end}
    with torch.enable_grad():
        forecast = model.median(rows(window, repeated), points)
        added, gradients = {name: [] for name in points}, {name: [] for name in points}
        for step in ahead:
            found = _gradients(forecast[:, step], points)
            for name, gradient in found.items():
                gradient = gradient.unflatten(0, (size, count))
                mean = torch.einsum("s,bs...->b...", weight, gradient)
                added[name].append(mean * (end[name] - start[name]))
                gradients[name].append(gradient[:, -2])
    said = forecast.detach()[:, list(ahead)].unflatten(0, (size, count))
    stacked = ({name: torch.stack(parts, 1) for name, parts in of.items()} for of in (added, gradients))
    return Attribution(said[:, -2], said[:, -1], *stacked)


def _between(start: Tensor, end: Tensor, alpha: Tensor) -> Tensor:
    """[B · S, ..] of [B, ..]: S points on the way from each start to its end."""
    way = alpha.view(1, -1, *[1] * (end.ndim - 1))
    return (start[:, None] + way * (end - start)[:, None]).flatten(0, 1).requires_grad_()


def _gradients(forecast: Tensor, points: Inputs) -> Inputs:
    if not forecast.requires_grad:
        raise ModelError(
            "no gradient passes through this network from its forecast to what it reads",
            hint="explain a network that does not draw its forecast: segment, direct or onward",
        )
    found = torch.autograd.grad(forecast.sum(), list(points.values()), retain_graph=True, materialize_grads=True)
    return dict(zip(points, found, strict=True))
