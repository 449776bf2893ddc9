"""What to do about a gradient horizon: remedies tied to what was measured, each with the call that does it."""

import math
from dataclasses import dataclass
from typing import final

from torch import nn

from unspool.dynamics.gradients.horizon import GradientHorizon
from unspool.dynamics.systems.system import as_system
from unspool.ir import Apply, StepGraph
from unspool.passes.retention import retentions


@final
@dataclass(frozen=True)
class Remedy:
    """A thing to try.

    Attributes:
        name: in a word or two.
        effect: what it does about the finding.
        call: the code that does it.
    """

    name: str
    effect: str
    call: str


@final
@dataclass(frozen=True)
class Advice:
    """What a gradient horizon means, and what to do about it.

    Attributes:
        finding: what was measured, in plain words: a sentence, or two.
        remedies: what applies, the most direct first; none where the horizon suffices and nothing explodes.
    """

    finding: str
    remedies: tuple[Remedy, ...]


def remedies(layer: nn.Module, horizon: GradientHorizon, *, needed: int | None = None) -> Advice:
    """What applies to a layer whose horizon was measured.

    Args:
        layer: a recurrent layer in one direction.
        horizon: measured on it, see `gradient_horizon`.
        needed: steps back that the task needs; by default the longest lag that was measured.

    Raises:
        SettingError: no such layer.
    """
    graph = as_system(layer).layer.graph
    needed = int(horizon.lags[-1]) if needed is None else needed
    reach = f"at least {_steps(int(horizon.lags[-1]))}" if horizon.horizon is None else _steps(horizon.horizon)
    findings = [f"Gradients reach {reach} back before they fall below {horizon.epsilon:g}; {needed} are needed."]
    found: list[Remedy] = []
    if horizon.horizon is not None and horizon.horizon < needed:
        found += _longer(graph, horizon, needed)
        if horizon.bounds and horizon.bounds.must_vanish:
            findings.append(
                f"No input changes that: the weights shrink every error to {horizon.bounds.gain:.2g} or less per step."
            )
    if explosion := _explosion(horizon):
        findings.append(explosion)
        effect = "holds every update to the usual norm, whatever a single batch explodes to"
        found.insert(0, Remedy("clipping", effect, 'unspool.train.TrainSettings(clip="observed")'))
    return Advice(" ".join(findings), tuple(found))


def _longer(graph: StepGraph, horizon: GradientHorizon, needed: int) -> list[Remedy]:
    flossing = Remedy(
        "gradient flossing",
        f"draws the leading exponents, now {horizon.slope:.2g} per step, to 0 before or during training",
        "dynamics.flossing(layer, x[:, :50], count=8).backward()",
    )
    if any(r and r.keep and r.keep.biases for r in retentions(graph)):
        effect = f"a new training run starts with the gate that keeps the state open for up to {_steps(needed)}"
        call = f"unspool.nn.initialisation.init_chrono(layer, longest={max(needed, 3)})"
        return [Remedy("chrono initialisation", effect, call), flossing]
    omega = Remedy(
        "Ω",
        "keeps the norm of the loss's own errors from step to step",
        "run = dynamics.watch(layer, x); loss.backward(); (weight * dynamics.omega(run)).backward()",
    )
    effect = "a gate carries the state by a sum, past the function that shrinks errors; with init_chrono"
    return [omega, *_starts(graph), flossing, Remedy("another cell", effect, 'unspool.nn.Recurrent("lstm", …)')]


def _starts(graph: StepGraph) -> list[Remedy]:
    """First values for a cell whose units see each other by a recurrent matrix."""
    if not any(len(p.shape) == 2 and p.shape[0] == p.shape[1] for p in graph.parameters):
        return []
    rectified = any(isinstance(n, Apply) and n.operation == "relu" for n in graph.nodes)
    name, call = ("identity", "init_identity") if rectified else ("orthogonal", "init_orthogonal")
    effect = "a new training run starts with recurrent weights that keep the norm of errors"
    return [Remedy(f"{name} initialisation", effect, f"unspool.nn.initialisation.{call}(layer)")]


def _explosion(horizon: GradientHorizon) -> str | None:
    if horizon.growth < 10:
        return None
    error = 0.0 if math.isnan(horizon.slope_error) else horizon.slope_error
    if horizon.slope > 2 * error:
        return f"They explode: by a factor of {math.exp(horizon.slope):.3g} per step, {horizon.growth:.2g} at most."
    return f"They grow {horizon.growth:.2g}-fold before they decay, as with recurrent weights that are not normal."


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"
