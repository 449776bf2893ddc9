"""Cohen and Grossberg's system and the function that never grows along it.

    ẋ_i = a_i(x_i) [b_i(x_i) − Σ_j c_ij d_j(x_j)]
    V   = −Σ_i ∫^{x_i} b_i(ξ) d_i'(ξ) dξ + ½ Σ_jk c_jk d_j(x_j) d_k(x_k)
    V̇   = −Σ_i a_i d_i' [b_i − Σ_j c_ij d_j]²

for a symmetric c; so V falls wherever a_i ≥ 0 and d_i' ≥ 0. Cohen & Grossberg 1983, IEEE Transactions on Systems, Man
and Cybernetics 13, 815–826. Additive networks and competitive fields are of this form.
"""

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
import torch
from torch import Tensor

from unspool.dynamics.grossberg.additive import Additive
from unspool.dynamics.grossberg.check import check_matrix, check_state
from unspool.dynamics.grossberg.shunting import Shunting
from unspool.dynamics.grossberg.signals import Signal, slope
from unspool.errors import SettingError

NODES = 32


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class CohenGrossberg:
    """S units in Cohen and Grossberg's form. Nothing is asked of c, a or d: `conditions_hold` tells.

    Attributes:
        a: amplification, activities [..., S] → [..., S], number by number.
        b: what drives each unit, likewise.
        c: inhibition, [S, S]; entry [i, j] from unit j to unit i.
        d: signals, likewise.

    Raises:
        ShapeError: c is not square.
        DataError: c has a NaN or an infinity.
    """

    a: Signal
    b: Signal
    c: Tensor
    d: Signal

    def __post_init__(self) -> None:
        check_matrix("CohenGrossberg", "c", self.c)

    @property
    def size(self) -> int:
        """S, units."""
        return self.c.shape[0]

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters and states."""
        return self.c.dtype

    def rate(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """ẋ [..., S] at states [..., S]; an input x [..., S] is added to b.

        Raises:
            ShapeError: the state has not S units.
        """
        check_state("CohenGrossberg", state, self.size, x)
        drive = self.b(state) if x is None else self.b(state) + x
        return self.a(state) * (drive - self.d(state) @ self.c.mT)

    def energy_change(self, before: Tensor, after: Tensor) -> Tensor:
        """V(after) − V(before), [...], of states [..., S].

        The integrals run from the one state to the other, by Gauss and Legendre's rule with 32 nodes each, so that a
        small change is computed to its own precision, not to that of V: the relative error is near 1e-15 · S where b
        and d are smooth, and that of 1/32 of the integral where d' jumps between the two states.

        Raises:
            ShapeError: the states have not S units.
        """
        for state in (before, after):
            check_state("CohenGrossberg", state, self.size)
        places, weights = _rule(before.dtype)
        step = after - before
        places = before[..., None, :] + places[:, None] * step[..., None, :]
        driven = (weights[:, None] * self.b(places) * slope(self.d, places)).sum(-2) * step
        first, last = self.d(before), self.d(after)
        symmetric = (self.c + self.c.mT) / 2
        return ((last - first) * ((last + first) @ symmetric) / 2 - driven).sum(-1)

    def energy(self, state: Tensor, origin: Tensor) -> Tensor:
        """V(state) − V(origin), [...], of states [..., S]: V is defined up to a constant.

        The integrals are as in `energy_change`; for the sigmoids here the error is below 1e-6 of V.
        """
        return self.energy_change(origin.expand_as(state), state)

    def energy_rate(self, state: Tensor) -> Tensor:
        """V̇ = −Σ_i a_i d_i' [b_i − Σ_j c_ij d_j]², [...], which holds for a symmetric c."""
        return -(slope(self.d, state) / self.a(state) * self.rate(state) ** 2).sum(-1)

    def conditions_hold(self, states: Tensor) -> bool:
        """Whether c is symmetric, and a ≥ 0 and d' ≥ 0 at all these states [..., S]: then V may not grow there."""
        check_state("CohenGrossberg", states, self.size)
        symmetric = bool(torch.isclose(self.c, self.c.mT, rtol=1e-12, atol=0).all())
        return symmetric and bool((self.a(states) >= 0).all() and (slope(self.d, states) >= 0).all())


def cohen_grossberg(network: Additive | Shunting) -> CohenGrossberg:
    """The same network in Cohen and Grossberg's form, wherever it has one; the inputs are held.

    An additive network: a = 1, b = I − A x, c = (C z⁻ − B z⁺)ᵀ, d = f. A shunting one whose units excite only
    themselves: a = D + x, b = [(B − x)(C z⁺ f + I) − A x]/(D + x) − J, c = (E z⁻)ᵀ, d = g; above −D only. With D = 0
    and I = 0, b is finite towards 0 if f is linear there, or faster.

    Raises:
        SettingError: an additive network has two signal functions, a shunting one's units excite each other, or it is
            neither.
    """
    if isinstance(network, Additive):
        return _of_additive(network)
    if isinstance(network, Shunting):
        return _of_shunting(network)
    raise SettingError(
        f"a {type(network).__name__} is neither an Additive nor a Shunting network",
        hint="any other network of Cohen and Grossberg's form is a CohenGrossberg(a=…, b=…, c=…, d=…)",
    )


def _of_additive(network: Additive) -> CohenGrossberg:
    if network.f is not network.g:
        raise SettingError(
            "Cohen and Grossberg's form has one signal function per unit; this additive network has f and g",
            hint="give the same function as f and as g",
        )
    paths = network.C * network.z_minus - network.B * network.z_plus
    return CohenGrossberg(a=torch.ones_like, b=lambda x: network.I - network.A * x, c=paths.mT, d=network.f)


def _of_shunting(network: Shunting) -> CohenGrossberg:
    excitation = network.C * network.z_plus
    own = excitation.diagonal()
    if bool((excitation != own.diag()).any()):
        raise SettingError(
            "Cohen and Grossberg's form has competition only; in this shunting network units excite each other",
            hint="C must be diagonal: competitive_field() builds such a network",
        )

    def drive(x: Tensor) -> Tensor:
        excited = (network.B - x) * (own * network.f(x) + network.I)
        return (excited - network.A * x) / (network.D + x) - network.J

    return CohenGrossberg(a=lambda x: network.D + x, b=drive, c=(network.E * network.z_minus).mT, d=network.g)


@cache
def _rule(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Nodes and weights of Gauss and Legendre's rule on 0 … 1, [NODES] each."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return torch.tensor((nodes + 1) / 2, dtype=dtype), torch.tensor(weights / 2, dtype=dtype)
