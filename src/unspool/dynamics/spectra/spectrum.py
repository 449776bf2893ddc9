"""Eigenvalues and singular values of a system's Jacobian, against the unit circle.

    eigenvalues μ       |μ| < 1 in the long run a difference along that direction fades, with time constant −1/ln|μ|
    singular values σ   σ > 1   in one step some difference grows

All |μ| < 1 < σ₁ is possible where the Jacobian is not normal: differences grow before they decay. Of a random matrix
with entries N(0, g²/S) the largest |μ| comes near g and the largest σ near 2g as S grows.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from unspool.dynamics.systems.system import System, system_of
from unspool.errors import DataError, ShapeError


@final
@dataclass(frozen=True, eq=False)
class JacobianSpectrum:
    """Of the Jacobians ∂s(t)/∂s(t−1) at N states.

    Attributes:
        eigenvalues: [N, S] complex, the largest modulus first.
        singular_values: [N, S], the largest first.
    """

    eigenvalues: Tensor
    singular_values: Tensor

    @property
    def radius(self) -> Tensor:
        """The spectral radius, the largest |μ|: [N]."""
        return self.eigenvalues[:, 0].abs()

    @property
    def norm(self) -> Tensor:
        """The largest factor by which one step stretches a difference, the largest σ: [N]."""
        return self.singular_values[:, 0]

    @property
    def outside(self) -> Tensor:
        """How many eigenvalues lie outside the unit circle: [N]."""
        return (self.eigenvalues.abs() > 1).sum(-1)

    @property
    def time_constants(self) -> Tensor:
        """−1 / ln|μ| of each eigenvalue in steps: [N, S]; ∞ on the unit circle, negative outside, 0 of μ = 0."""
        modulus = self.eigenvalues.abs()
        return torch.where(modulus == 1, torch.inf, -1 / modulus.log())


@torch.no_grad()
def jacobian_spectrum(
    system: nn.Module | System, state: Tensor | None = None, x: Tensor | None = None
) -> JacobianSpectrum:
    """The spectrum of the step's Jacobian at states [N, S] under inputs [N, I], by default zeros.

    Args:
        system: a recurrent layer, which is analysed in float64, or a `System`, in its own dtype.
        state: [S], or [N, S], such as the states of a trajectory before each step.
        x: [I], or [N, I].

    Raises:
        SettingError: the layer is no system.
        ShapeError: a shape does not fit.
        DataError: a weight, a state or the Jacobian is not finite.

    Cost: O(S³) for each state.
    """
    system = system_of(system)
    states = _rows("state", "S", state, system.size, system.dtype)
    inputs = _rows("x", "I", x, system.input_size, system.dtype)
    count = max(len(states), len(inputs))
    if {len(states), len(inputs)} - {1, count}:
        raise ShapeError(
            f"{len(states)} states and {len(inputs)} inputs: they are of the same number N, or one of them is"
        )
    given = inputs.expand(count, -1) if system.input_size else None
    jacobian = system.jacobian(states.expand(count, -1), given)
    if not jacobian.isfinite().all():
        raise DataError("the Jacobian is not finite", hint="a state lies where the step has no derivative, or is NaN")
    eigenvalues = torch.linalg.eigvals(jacobian)
    order = eigenvalues.abs().argsort(-1, descending=True)
    return JacobianSpectrum(eigenvalues.gather(-1, order), torch.linalg.svdvals(jacobian))


def _rows(name: str, letter: str, value: Tensor | None, size: int, dtype: torch.dtype) -> Tensor:
    value = torch.zeros(size, dtype=dtype) if value is None else value.detach().to("cpu", dtype)
    rows = value[None] if value.dim() == 1 else value
    if rows.dim() != 2 or rows.shape[1] != size or not len(rows):
        raise ShapeError(f"{name} is {list(value.shape)}; expected [{letter}={size}] or [N, {letter}={size}]")
    return rows
