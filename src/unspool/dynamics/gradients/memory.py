"""Which gate holds the memory, and for how long: a time constant for each unit.

    LSTM    c' = f ∘ c + i ∘ g      unit i forgets as exp(−t/τ_i), τ_i = −1/⟨ln f_i⟩

For any cell the same is read off ∂s'_i/∂s_i, a unit's derivative with respect to its own past, along a trajectory. It
leaves out what goes around by other units; the whole is the Lyapunov spectrum. With no recurrent weights the two agree.
Time constants of gates: Tallec & Ollivier 2018, arXiv:1804.11188.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from unspool.dynamics.gradients.horizon import time_constants
from unspool.dynamics.gradients.watched import WatchedRun, watch
from unspool.dynamics.systems.system import LayerSystem, system_of
from unspool.dynamics.systems.trajectory import trajectory_inputs
from unspool.errors import DataError
from unspool.passes.retention import retentions
from unspool.runtime import unroll

SAMPLE = 256
"""States at which the derivatives are taken, at most, evenly spaced; S² numbers each."""


@final
@dataclass(frozen=True, eq=False)
class UnitMemory:
    """How long the units of one state of one layer remember by themselves.

    Attributes:
        layer: its number, from 0.
        state: its name on the page.
        gate: what the page multiplies the old state by, `f` or `1 − z`; None where nothing of it gets through but by
            way of a function.
        kept: [size] float64: the share of its value that a unit keeps per step, the geometric mean over a trajectory
            of |gate|, or of |∂s'_i/∂s_i| where there is no gate.
        own: [size] float64: the geometric mean of |∂s'_i/∂s_i|, which also holds what the gate's own change and the
            recurrent weight from the unit to itself add.
    """

    layer: int
    state: str
    gate: str | None
    kept: Tensor
    own: Tensor

    @property
    def time_constants(self) -> Tensor:
        """[size], steps: −1/ln(kept); infinite where nothing is lost, 0 where nothing is kept."""
        return time_constants(self.kept.log())


def unit_memory(
    layer: nn.Module, x: Tensor | None = None, *, steps: int | None = None, initial_state: Tensor | None = None
) -> tuple[UnitMemory, ...]:
    """The memory of every unit of a layer that reads `x`, by layers and states.

    Means are geometric: what is left after many steps is the product of what each step keeps.

    Args:
        layer: a recurrent layer in one direction; it is not changed.
        x: [T, I] or [B, T, I], inputs like those it is to work with; without them it runs on zeros.
        steps: T, where there is no x.
        initial_state: [S] or [B, S]; zeros by default.

    Raises:
        SettingError: no such layer.
        ShapeError, DataError: x or the states do not fit, or are not finite.

    Cost: one run; a Jacobian at 256 of its states, at most.
    """
    system = system_of(layer)
    assert isinstance(system, LayerSystem)  # of a module
    state, inputs, _ = trajectory_inputs(system, initial_state, x, steps, None)
    assert inputs is not None  # a layer has an input
    with torch.no_grad():
        seen = watch(system.layer, inputs, state)
        own = _own(system, seen.states, inputs)
        kept = _gates(seen)
    memories = []
    for (number, name, part), (gate, mean) in zip(system.blocks, kept, strict=True):
        memories.append(UnitMemory(number, name, gate, own[part] if mean is None else mean, own[part]))
    return tuple(memories)


def _own(system: LayerSystem, states: Tensor, inputs: Tensor) -> Tensor:
    """[S]: the geometric mean of |∂s'_i/∂s_i| over states [B, T, S]."""
    states, inputs = states.flatten(0, 1), inputs.flatten(0, 1)
    if not states.isfinite().all():
        raise DataError("the network leaves the finite numbers", hint="look for NaN in its weights; take fewer steps")
    some = torch.linspace(0, len(states) - 1, min(SAMPLE, len(states))).long()
    return _mean(system.jacobian(states[some], inputs[some]).diagonal(dim1=-2, dim2=-1))


def _gates(seen: WatchedRun) -> list[tuple[str | None, Tensor | None]]:
    """For each state of each layer the gate that keeps it, and its geometric mean [size]."""
    found: list[tuple[str | None, Tensor | None]] = []
    for part in seen.layers:
        name = part.graph.vector_inputs[0].name
        for retention in retentions(part.graph):
            if retention is None:
                found.append((None, None))
                continue
            gate, _ = unroll(retention.step, {name: part.x}, part.parameters, [s[0] for s in part.states])
            found.append((retention.text, _mean(gate.flatten(0, 1))))
    return found


def _mean(factors: Tensor) -> Tensor:
    """[size]: the geometric mean over [N, size] of the absolute value."""
    return factors.abs().log().mean(0).exp()
