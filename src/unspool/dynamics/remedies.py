"""What to do about a gradient horizon: remedies tied to what was measured, each with the call that does it."""

import math
from dataclasses import dataclass
from typing import final

from torch import nn

from unspool.dynamics.horizon import GradientHorizon
from unspool.dynamics.system import as_system
from unspool.ir import Apply, StepGraph
from unspool.passes.retention import retentions


@final
@dataclass(frozen=True)
class Remedy:
    """A thing to try.

    Attributes:
        name: in a word or two.
        reason: what was measured that speaks for it, in plain words.
        call: the code that does it.
    """

    name: str
    reason: str
    call: str


def remedies(layer: nn.Module, horizon: GradientHorizon, *, needed: int | None = None) -> tuple[Remedy, ...]:
    """What applies to a layer, the most direct first; nothing where gradients neither explode nor fall short.

    Args:
        layer: a recurrent layer in one direction.
        horizon: measured on it, see `gradient_horizon`.
        needed: steps back that the task needs; by default the longest lag that was measured.

    Raises:
        SettingError: no such layer.
    """
    graph = as_system(layer).layer.graph
    needed = int(horizon.lags[-1]) if needed is None else needed
    gated = any(r and r.keep and r.keep.biases for r in retentions(graph))
    found: list[Remedy] = []
    if explosion := _explosion(horizon):
        found.append(Remedy("clipping", explosion, 'unspool.train.TrainSettings(clip="observed")'))
    if horizon.horizon is None or horizon.horizon >= needed:
        return tuple(found)
    short = f"gradients fall below {horizon.epsilon:g} after {_steps(horizon.horizon)}, and {_steps(needed)} are needed"
    if horizon.bounds and horizon.bounds.must_vanish:
        short += (
            f"; no input changes that: the weights shrink every error to {horizon.bounds.gain:.2g} or less per step"
        )
    if gated:
        kept = f"{short}; the gate that keeps the state can start nearer to open, for a new training run"
        found.append(
            Remedy("chrono initialisation", kept, f"unspool.nn.initialisation.init_chrono(layer, longest={needed})")
        )
    else:
        found.append(
            Remedy("Ω", f"{short}; Ω keeps the norm of the loss's own errors", "(weight * omega(run)).backward()")
        )
        found += _starts(graph, short)
    flossed = f"{short}; flossing draws the leading exponents, now {horizon.slope:.2g} per step, to 0 before training"
    found.append(Remedy("gradient flossing", flossed, "flossing(layer, x[:, :50], count=8).backward()"))
    if not gated:
        summed = f"{short}; a cell with a gate carries its state by a sum, past the function that shrinks errors"
        found.append(Remedy("another cell", summed, 'unspool.nn.Recurrent("lstm", …), with init_chrono'))
    return tuple(found)


def _explosion(horizon: GradientHorizon) -> str | None:
    if horizon.growth < 10:
        return None
    error = 0.0 if math.isnan(horizon.slope_error) else horizon.slope_error
    if horizon.slope > 2 * error:
        reached = f"{horizon.growth:.2g} in {_steps(int(horizon.lags[-1]))}"
        return f"gradients grow by a factor of {math.exp(horizon.slope):.3g} per step, {reached}"
    return f"gradients grow {horizon.growth:.2g}-fold before they decay: the recurrent weights are not normal"


def _starts(graph: StepGraph, short: str) -> list[Remedy]:
    """First values for a cell whose units see each other by a recurrent matrix, and no gate."""
    if not any(len(p.shape) == 2 and p.shape[0] == p.shape[1] for p in graph.parameters):
        return []
    rectified = any(isinstance(n, Apply) and n.operation == "relu" for n in graph.nodes)
    name, call = ("identity", "init_identity") if rectified else ("orthogonal", "init_orthogonal")
    reason = f"{short}; with {name} recurrent weights errors begin with a constant norm, for a new training run"
    return [Remedy(f"{name} initialisation", reason, f"unspool.nn.initialisation.{call}(layer)")]


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"
