"""Long-term memory: gated steepest descent, by which a trace moves towards a signal only while it is sampled.

    outstar  ż_ij = M f_i(x_i) [h_j(x_j) − z_ij]      the sending unit samples: it learns to recall a pattern
    instar   ż_ij = M f_j(x_j) [h_i(x_i) − z_ij]      the receiving unit samples: it is tuned to a pattern

z_ij is the trace of the path from i to j. Without sampling there is neither learning nor forgetting, unlike in Hebb's
rule. Grossberg 2013, Scholarpedia 8(2):1888 (Grossberg 1968, PNAS 60, 758–765).
"""

from dataclasses import dataclass
from typing import Literal, final, get_args

import torch
from torch import Tensor

from unspool.dynamics.grossberg.additive import Additive
from unspool.dynamics.grossberg.check import Number, check_number, check_state
from unspool.dynamics.grossberg.shunting import Shunting
from unspool.dynamics.grossberg.signals import Signal
from unspool.errors import SettingError

Rule = Literal["outstar", "instar"]
RULES = get_args(Rule)


def sampled(z: Tensor, gate: Tensor, target: Tensor, rule: Rule, time: float) -> Tensor:
    """The traces after the activities have been held for a time: exact, as the law is linear in z.

    z(t) = target + (z(0) − target) e^{−gate · t}, for a pattern shown long against the activities' own time.

    Args:
        z: traces [..., i, j].
        gate: M f of the sampling units; the rows i of an outstar, the columns j of an instar.
        target: h of the units sampled; the columns j of an outstar, the rows i of an instar.
        rule: which.
        time: how long.
    """
    gate, target = _oriented(gate, target, rule)
    return target + (z - target) * torch.exp(-gate * time)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Learner:
    """A network whose excitatory traces z⁺ learn while it runs: STM and LTM as one differential equation.

    The state is x and z side by side, S + S² numbers: `joined` and `parts` go to and fro.

    Attributes:
        network: the STM; its own z_plus is not used.
        rule: "outstar" or "instar".
        M: learning rate, a number or [S, S]; 0 where there is no path to learn.
        f: what gates: the signal of the sampling unit.
        h: what is learned: the signal of the unit sampled.

    Raises:
        ShapeError: M has not S units.
        DataError: M has a NaN or an infinity.
        SettingError: M is negative, or there is no such rule.
    """

    network: Additive | Shunting
    rule: Rule
    M: Number
    f: Signal
    h: Signal

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise SettingError(f"Learner: there is no rule '{self.rule}'", hint=" or ".join(RULES))
        like = self.network.B if isinstance(self.network, Additive) else self.network.C
        check_number("Learner", "M", self.M, like, least=0)

    @property
    def size(self) -> int:
        """S + S²."""
        return self.network.size * (1 + self.network.size)

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters and states."""
        return self.network.dtype

    def rate(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """(ẋ, ż) [..., S + S²]; an input x [..., S] is added to the network's I.

        Raises:
            ShapeError: the state has not S + S² numbers.
        """
        check_state("Learner", state, self.size)
        activity, z = self.parts(state)
        gate, target = _oriented(self.f(activity), self.h(activity), self.rule)
        return self.joined(self.network.rate(activity, x, z_plus=z), self.M * gate * (target - z))

    def joined(self, activity: Tensor, z: Tensor) -> Tensor:
        """State [..., S + S²] of activities [..., S] and traces [..., S, S]."""
        return torch.cat([activity, z.flatten(-2).expand(*activity.shape[:-1], -1)], -1)

    def parts(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Activities [..., S] and traces [..., S, S] of states [..., S + S²]."""
        size = self.network.size
        return state[..., :size], state[..., size:].unflatten(-1, (size, size))


def _oriented(gate: Tensor, target: Tensor, rule: Rule) -> tuple[Tensor, Tensor]:
    """Both as matrices of the paths [..., i, j]."""
    if rule == "outstar":
        return gate[..., :, None], target[..., None, :]
    return gate[..., None, :], target[..., :, None]
