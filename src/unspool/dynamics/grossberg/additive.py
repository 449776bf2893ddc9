"""The additive model: what a unit receives is summed.

    ẋ_i = −A_i x_i + Σ_j f_j(x_j) B_ji z⁺_ji − Σ_j g_j(x_j) C_ji z⁻_ji + I_i

Grossberg 2013, Scholarpedia 8(2):1888 (Grossberg 1968, PNAS 59, 368–372). With f = tanh it is the continuous-time
recurrent network and the continuous Hopfield network.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from unspool.dynamics.grossberg.check import Number, check_matrix, check_number, check_state
from unspool.dynamics.grossberg.signals import Signal


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Additive:
    """S units with summed inputs; matrices are read [j, i], from unit j to unit i. All tensors of one dtype.

    Attributes:
        A: decay rates, a number or [S], per unit of time.
        B: strengths of the excitatory paths, [S, S].
        C: strengths of the inhibitory paths, [S, S].
        f: signal function of the excitatory paths.
        g: signal function of the inhibitory paths.
        I: inputs, a number, [S], or [N, S] for N states at once.
        z_plus: LTM traces of the excitatory paths, a number or [S, S].
        z_minus: LTM traces of the inhibitory paths, a number or [S, S].

    Raises:
        ShapeError: a tensor's shape, dtype or device does not fit.
        DataError: a parameter has a NaN or an infinity.
    """

    A: Number = 1.0
    B: Tensor
    C: Tensor
    f: Signal
    g: Signal
    I: Number = 0.0  # noqa: E741 - the paper's letter
    z_plus: Number = 1.0
    z_minus: Number = 1.0

    def __post_init__(self) -> None:
        for name in ("B", "C"):
            check_matrix("Additive", name, getattr(self, name))
        for name in ("A", "C", "I", "z_plus", "z_minus"):
            check_number("Additive", name, getattr(self, name), self.B)

    @property
    def size(self) -> int:
        """S, units."""
        return self.B.shape[0]

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters and states."""
        return self.B.dtype

    def rate(self, state: Tensor, x: Tensor | None = None, *, z_plus: Tensor | None = None) -> Tensor:
        """ẋ [..., S] at states [..., S].

        Args:
            state: x of the equation.
            x: a further input, added to I.
            z_plus: [..., S, S], in place of the network's own.

        Raises:
            ShapeError: the state has not S units, or the input is for another number of states.
        """
        check_state("Additive", state, self.size, self.I, x)
        excitatory = self._excitatory if z_plus is None else self.B * z_plus
        sent = self.f(state)
        received = signals(sent, excitatory) - signals(sent if self.g is self.f else self.g(state), self._inhibitory)
        rate = -self.A * state + received + self.I
        return rate if x is None else rate + x

    @cached_property
    def _excitatory(self) -> Tensor:
        return self.B * self.z_plus

    @cached_property
    def _inhibitory(self) -> Tensor:
        return self.C * self.z_minus


def signals(sent: Tensor, paths: Tensor) -> Tensor:
    """Σ_j sent_j paths_ji, [..., S], for paths [S, S] or [..., S, S]."""
    return sent @ paths if paths.dim() == 2 else (sent[..., None, :] @ paths)[..., 0, :]
