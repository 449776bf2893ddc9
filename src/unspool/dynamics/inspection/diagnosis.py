"""What the analyses say in plain words: how far back a network can learn from, what limits it, what to try."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from unspool.dynamics.equilibria.fixed_points import FixedPoints
from unspool.dynamics.gradients.horizon import GradientHorizon, time_constants
from unspool.dynamics.gradients.memory import UnitMemory
from unspool.dynamics.gradients.remedies import Remedy
from unspool.dynamics.spectra.lyapunov import LyapunovSpectrum

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

SURE = 2
"""Standard errors by which a number differs from zero."""


@dataclass(frozen=True)
class Diagnosis:
    """Sentences; `str()` of it is the paragraph, without the one about rest.

    Attributes:
        reach: how far back the network can learn from.
        limit: what limits it.
        rest: what it does when its input is held.
        advice: what to try.
    """

    reach: str
    limit: str
    rest: str
    advice: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.reach, self.limit, self.advice)))


def diagnose(
    horizon: GradientHorizon | None,
    lyapunov: LyapunovSpectrum | None,
    memory: Sequence[UnitMemory] | None,
    points: FixedPoints | None,
    remedies: Sequence[Remedy],
    needed: int | None,
    escaped: int | None,
) -> Diagnosis:
    """Say what was found; a result that is not there is not spoken of."""
    return Diagnosis(
        reach=_reach(horizon, needed),
        limit=_limit(horizon, lyapunov, memory or (), escaped),
        rest=_rest(points),
        advice=_advice(remedies, needed),
    )


def in_steps(count: float) -> str:
    """`1 step`, `2.5 steps`."""
    return f"{count:.3g} step{'' if count == 1 else 's'}"


def power_of_ten(exponent: int) -> str:
    """`10⁻³`."""
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"


def _reach(horizon: GradientHorizon | None, needed: int | None) -> str:
    if horizon is None:
        return "How far back its gradients reach could not be measured."
    if horizon.horizon is None:
        decades = float(horizon.log_norms[1, -1]) / math.log(10)
        size = f"{10**decades:.2g}" if abs(decades) < 3 else power_of_ten(round(decades))
        longest = in_steps(int(horizon.lags[-1]))
        if decades > 0:
            return f"Gradients grow to {size} times their size over {longest}, the most that was looked at."
        return f"Gradients still have {size} of their size after {longest}, the most that was looked at: none is lost."
    lost = f"Gradients fall below {horizon.epsilon:g} of their size"
    said = f"{lost} after {in_steps(horizon.horizon)}: this network can learn from about so far back, and no further."
    if horizon.horizon == 0:
        said = f"{lost} in a single step: this network can learn from no past at all."
    if needed is None:
        return said
    if needed <= horizon.horizon:
        return f"{said} The {in_steps(needed)} that it needs are within reach."
    return f"{said} It needs {in_steps(needed)}; the furthest {needed - horizon.horizon} teach it nothing."


def _limit(
    horizon: GradientHorizon | None,
    lyapunov: LyapunovSpectrum | None,
    memory: Sequence[UnitMemory],
    escaped: int | None,
) -> str:
    if escaped is not None:
        return f"Its state leaves all bounds in step {escaped}: the network explodes, and its gradients with it."
    if lyapunov is None or horizon is None:
        return ""
    first, error = lyapunov.exponents[0], float(lyapunov.errors[0].nan_to_num(0.0))
    rate = f"λ₁ = {float(first):.2g} ± {error:.1g} per step".replace("= -", "= −").replace("inf", "∞")
    if first > SURE * error and first > 0:
        factor = float(first.exp())
        return (
            f"Small differences in its state grow by a factor of {factor:.3g} per step ({rate}), which is chaos where "
            "the state stays bounded: a gradient from far back is large and points nowhere."
        )
    growth = math.exp(min(600.0, float(horizon.log_norms[1].max())))
    before = f" Before they decay, gradients grow {growth:.2g}-fold." if growth > 10 else ""
    if horizon.bounds is not None and horizon.bounds.must_vanish:
        left = f"{horizon.bounds.gain:.2g}"
        return (
            f"Its weights alone set this limit: whatever the input, a step leaves at most {left} of an error.{before}"
        )
    if first + SURE * error >= 0:
        return f"Some direction of its state neither fades nor grows ({rate}).{before}"
    slowest = in_steps(float(time_constants(first)))
    return f"The slowest direction of its state fades in {slowest} ({rate}){_gates(memory)}.{before}"


def _gates(memory: Sequence[UnitMemory]) -> str:
    """What the gates keep, where there are any."""
    gated = [m for m in memory if m.gate is not None]
    if not gated:
        return ""
    kept = torch.cat([m.kept for m in gated])
    gate = " and ".join(dict.fromkeys(str(m.gate) for m in gated))
    middle, most = 100 * float(kept.median()), 100 * float(kept.max())
    alone = in_steps(float(time_constants(kept.max().log())))
    return (
        f"; its gate {gate} keeps {middle:.3g} % of a unit per step in the median, and {most:.3g} % of the slowest, "
        f"which by itself forgets in {alone}"
    )


def _rest(points: FixedPoints | None) -> str:
    if points is None:
        return ""
    if not len(points.points):
        slow = f", only {len(points.slow_points)} slow points" if len(points.slow_points) else ""
        return f"With its input held at the mean no fixed point was found{slow}."
    return f"With its input held at the mean it has {points.in_words}."


def _advice(remedies: Sequence[Remedy], needed: int | None) -> str:
    names = [r.name for r in remedies]
    further = [n for n in names if n != "clipping"]
    said = "Against exploding gradients try clipping." if "clipping" in names else ""
    if further:
        said += f" To reach further back try {', or '.join(further)}."
    elif not names and needed is not None:
        said = "Nothing needs to be done about its gradients."
    return said.strip()
