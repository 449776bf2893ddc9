"""Pascanu's bounds: what the weights alone say about ∂s'/∂s, at every state and input.

    ‖∂s'/∂s‖ ≤ γ σ₁        γ: the largest slope of the function, σ₁: the largest singular value of its matrix

γ is 1 for tanh and the rectifier, 1/4 for the logistic function. γ σ₁ < 1 is sufficient for gradients to vanish, and
γ σ₁ > 1 necessary for them to explode. A spectral radius below 1 is sufficient for neither: with σ₁ > 1 > ρ a
non-normal matrix makes them grow before they decay. Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063v2, section 2.1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from unspool.backends.reference.operations import TORCH
from unspool.dynamics.systems.system import as_system
from unspool.ir import Apply, Constant, Read, StepGraph, Weight, is_block_diagonal
from unspool.nn import Recurrent
from unspool.nn.dropin import DropIn

_SLOPES = {"sigmoid": 0.25, "sign": 0.0} | dict.fromkeys(("tanh", "relu", "softplus", "abs", "sin", "cos"), 1.0)
"""γ: the largest slope of each function of one value."""


@final
@dataclass(frozen=True)
class GradientBounds:
    """What holds for a layer at every state and input.

    Attributes:
        gain: the most by which a step can stretch an error, γ σ₁ for an Elman network; infinite where no limit is
            found in the weights alone, as with a gate that reads the state. Of a stack's layers the largest, which
            limits the rate per step, not a single step.
        spectral_radius: ρ of the recurrent matrix where a layer has one and it is square; None elsewhere. The largest.
    """

    gain: float
    spectral_radius: float | None

    @property
    def must_vanish(self) -> bool:
        """The sufficient condition: every gradient shrinks by at least `gain` per step."""
        return self.gain < 1

    @property
    def may_explode(self) -> bool:
        """The necessary condition, and no more than that."""
        return self.gain > 1

    def ceiling(self, lags: Tensor) -> Tensor:
        """Ln of the bound on the norm of a product of `lags` steps, in the shape of `lags`; float64."""
        return lags.double() * (math.log(self.gain) if self.gain > 0 else -math.inf)


def gradient_bounds(layer: Recurrent | DropIn) -> GradientBounds:
    """Pascanu's bounds, carried over to any cell by the rules of norms: ‖a + b‖ ≤ ‖a‖ + ‖b‖, ‖φ(W h)‖ ≤ γ σ₁ ‖h‖.

    Raises:
        SettingError: the layer is bidirectional or no recurrent layer.

    Cost: a singular value decomposition for each matrix.
    """
    as_system(layer)
    gains, radii = [], []
    for k in range(layer.num_layers):
        fixed = _fixed(layer.graph, layer.layer_parameters(k))
        stretch = _gains(layer.graph, fixed)
        gains.append(float(torch.linalg.matrix_norm(stretch, 2)) if stretch.isfinite().all() else math.inf)
        radii.append(_radius(layer.graph, fixed))
    return GradientBounds(max(gains), None if None in radii else max(r for r in radii if r is not None))


def _gains(graph: StepGraph, fixed: list[Tensor | None]) -> Tensor:
    """[next state, state]: the most by which an error in the one is stretched on its way to the other."""
    names = [s.name for s in graph.states]
    own = torch.eye(len(names), dtype=torch.float64)
    gains: list[Tensor] = []
    for node in graph.nodes:
        gain = torch.zeros(len(names), dtype=torch.float64)
        match node:
            case Read(name, _) if name in names:
                gain = own[names.index(name)]
            case Apply("add" | "subtract", (left, right), _):
                gain = gains[left] + gains[right]
            case Apply("negate", (inner,), _):
                gain = gains[inner]
            case Apply("product", (matrix, vector), _):
                gain = _times(gains[vector], float(torch.linalg.matrix_norm(_blocks(graph, fixed, matrix), 2).max()))
            case Apply("multiply", (left, right), _):
                gain = _times(gains[left], _largest(graph, fixed, right))
                gain = gain + _times(gains[right], _largest(graph, fixed, left))
            case Apply("divide", (left, right), _):
                divisor = fixed[right]
                gain = _times(
                    gains[left] + gains[right], math.inf if divisor is None else float((1 / divisor).abs().max())
                )
            case Apply(operation, arguments, _):
                total = torch.stack([gains[a] for a in arguments]).sum(0)
                gain = _times(total, _SLOPES.get(operation, math.inf))
            case _:
                pass
        gains.append(gain)
    return torch.stack([gains[p] for p in graph.next_states])


def _times(gain: Tensor, factor: float) -> Tensor:
    return torch.where(gain > 0, gain * factor, 0.0)  # nothing stays nothing, also times infinity


def _largest(graph: StepGraph, fixed: list[Tensor | None], position: int) -> float:
    """The largest |value| that a node can have."""
    value, node = fixed[position], graph.nodes[position]
    if value is not None:
        return float(value.abs().max())
    match node:
        case Apply("sigmoid" | "tanh" | "sin" | "cos" | "sign", _, _):
            return 1.0
        case Apply("subtract", (one, gate), _):
            inner = graph.nodes[gate]
            if graph.nodes[one] == Constant(1.0) and isinstance(inner, Apply) and inner.operation == "sigmoid":
                return 1.0
            return _largest(graph, fixed, one) + _largest(graph, fixed, gate)
        case _:
            pass
    return math.inf


def _radius(graph: StepGraph, fixed: list[Tensor | None]) -> float | None:
    """ρ of the one matrix from units to units, or of its blocks; None where there is none, or several."""
    states = {s.size for s in graph.states}
    matrices = [p for p, n in enumerate(graph.nodes) if isinstance(n, Weight) and len(n.shape) == 2]
    recurrent = [p for p in matrices if graph.nodes[p].shape[1].split("/")[0] in states]
    if len(recurrent) != 1:
        return None
    blocks = _blocks(graph, fixed, recurrent[0])
    return float(torch.linalg.eigvals(blocks).abs().max()) if blocks.shape[-1] == blocks.shape[-2] else None


def _blocks(graph: StepGraph, fixed: list[Tensor | None], matrix: int) -> Tensor:
    """The matrix, or the blocks on its diagonal, [N, rows, columns]."""
    stored = fixed[matrix]
    assert stored is not None
    return stored.unflatten(0, (-1, stored.shape[1])) if is_block_diagonal(graph.nodes[matrix].shape) else stored[None]


def _fixed(graph: StepGraph, parameters: Mapping[str, Tensor]) -> list[Tensor | None]:
    """The values that neither states nor inputs change, float64; None for the others."""
    gates = {p.name: p.gates for p in graph.parameters}
    values: list[Tensor | None] = []
    for node in graph.nodes:
        value = None
        match node:
            case Weight(name, gate, _):
                stored = parameters[name].detach().double()
                value = stored if gate is None else stored.chunk(len(gates[name]))[gates[name].index(gate)]
            case Constant(number, _):
                value = torch.tensor(number, dtype=torch.float64)
            case Apply(operation, arguments, _) if operation != "product":
                given = [v for a in arguments if (v := values[a]) is not None]
                value = TORCH[operation](*given) if len(given) == len(arguments) else None
            case _:
                pass
        values.append(value)
    return values
