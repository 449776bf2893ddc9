"""The shunting model: what a unit receives multiplies its distance from its bounds, as conductances do in a membrane.

    ẋ_i = −A_i x_i + (B_i − x_i)[Σ_j f_j(x_j) C_ji z⁺_ji + I_i] − (D_i + x_i)[Σ_j g_j(x_j) E_ji z⁻_ji + J_i]

Grossberg 2013, Scholarpedia 8(2):1888 (Grossberg 1973, Studies in Applied Mathematics 52, 213–257).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from unspool.dynamics.grossberg.additive import signals
from unspool.dynamics.grossberg.check import Number, check_matrix, check_number, check_state
from unspool.dynamics.grossberg.signals import Signal, linear
from unspool.errors import ShapeError


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Shunting:
    """S units that stay in [−D, B]; matrices are read [j, i], from unit j to unit i. All tensors of one dtype.

    No parameter is negative, and neither may a signal function be; so from anywhere in [−D, B] no state leaves it:
    at x_i = B_i the rate is −A_i B_i − (D_i + B_i)[…] ≤ 0, at −D_i it is ≥ 0.

    Attributes:
        A: decay rates, a number or [S], per unit of time.
        B: upper bounds, a number or [S].
        D: lower bounds' negatives, a number or [S].
        C: strengths of the excitatory paths, [S, S].
        E: strengths of the inhibitory paths, [S, S].
        f: signal function of the excitatory paths.
        g: signal function of the inhibitory paths.
        I: excitatory inputs, a number, [S], or [N, S] for N states at once.
        J: inhibitory inputs, likewise.
        z_plus: LTM traces of the excitatory paths, a number or [S, S].
        z_minus: LTM traces of the inhibitory paths, a number or [S, S].

    Raises:
        ShapeError: a tensor's shape, dtype or device does not fit.
        DataError: a parameter has a NaN or an infinity.
        SettingError: a parameter is negative.
    """

    A: Number = 1.0
    B: Number = 1.0
    D: Number = 0.0
    C: Tensor
    E: Tensor
    f: Signal
    g: Signal
    I: Number = 0.0  # noqa: E741 - the paper's letter
    J: Number = 0.0
    z_plus: Number = 1.0
    z_minus: Number = 1.0

    def __post_init__(self) -> None:
        for name in ("C", "E"):
            check_matrix("Shunting", name, getattr(self, name))
        for name in ("A", "B", "D", "C", "E", "I", "J", "z_plus", "z_minus"):
            check_number("Shunting", name, getattr(self, name), self.C, least=0)

    @property
    def size(self) -> int:
        """S, units."""
        return self.C.shape[0]

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters and states."""
        return self.C.dtype

    def rate(self, state: Tensor, x: Tensor | None = None, *, z_plus: Tensor | None = None) -> Tensor:
        """ẋ [..., S] at states [..., S].

        Args:
            state: x of the equation.
            x: a further excitatory input, added to I.
            z_plus: [..., S, S], in place of the network's own.

        Raises:
            ShapeError: the state has not S units, or the input is for another number of states.
        """
        check_state("Shunting", state, self.size, self.I, self.J, x)
        excitatory = self._excitatory if z_plus is None else self.C * z_plus
        sent = self.f(state)
        excitation = signals(sent, excitatory) + self.I
        excitation = excitation if x is None else excitation + x
        inhibition = signals(sent if self.g is self.f else self.g(state), self._inhibitory) + self.J
        return -self.A * state + (self.B - state) * excitation - (self.D + state) * inhibition

    def largest_step(self) -> float:
        """The longest Euler step that cannot leave [−D, B]: 1/max_i(A_i + P_i + Q_i), P and Q the largest brackets […].

        One step is x' = (1 − dt(A + P + Q)) x + dt(P B − Q D): a mean of x, B, −D and 0 with weights
        1 − dt(A + P + Q), dt P, dt Q, dt A, which is in their hull as long as no weight is negative. For signal
        functions that do not fall P and Q are largest at x = B. With D = 0 a longer step does leave, where
        inhibition Q meets a state that receives nothing; with D > 0 the step is sufficient.
        """
        top = self.B + torch.zeros(self.size, dtype=self.dtype, device=self.C.device)
        excitation = signals(self.f(top), self._excitatory) + self.I
        inhibition = signals(self.g(top), self._inhibitory) + self.J
        return 1 / float((self.A + excitation + inhibition).max())

    @cached_property
    def _excitatory(self) -> Tensor:
        return self.C * self.z_plus

    @cached_property
    def _inhibitory(self) -> Tensor:
        return self.E * self.z_minus


def feed_forward_field(inputs: Tensor, A: float = 1.0, B: float = 1.0, D: float = 0.0) -> Shunting:
    """Units that excite themselves and inhibit all others by their inputs alone (on-centre, off-surround).

    ẋ_i = −A x_i + (B − x_i) I_i − (D + x_i) Σ_{k≠i} I_k is linear, with I = Σ I_k and θ_i = I_i/I:
    x_i → (B + D) I/(A + I) · (θ_i − D/(B + D)), at rate A + I: the pattern θ is kept at every intensity I, and the
    activities' sum stays bounded.

    Args:
        inputs: [S], or [N, S] for N states at once; none negative.
        A: decay rate.
        B: upper bound.
        D: lower bound's negative; shares below D/(B + D) are suppressed below zero.

    Raises:
        SettingError, DataError, ShapeError: see `Shunting`.
    """
    if not isinstance(inputs, Tensor) or not inputs.dim():
        raise ShapeError("feed_forward_field: the inputs are a tensor [S] or [N, S]")
    none = inputs.new_zeros(inputs.shape[-1:] * 2)
    silent = linear()
    return Shunting(
        A=A, B=B, D=D, C=none, E=none, f=silent, g=silent, I=inputs, J=inputs.sum(-1, keepdim=True) - inputs
    )
