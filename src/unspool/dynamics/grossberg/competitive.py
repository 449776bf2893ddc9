"""Recurrent competitive fields: each unit excites itself and inhibits all others.

    ẋ_i = −A x_i + (B − x_i)[I_i + f(x_i)] − x_i[J_i + Σ_{k≠i} f(x_k)]

With the inputs off the shares X_i = x_i/Σx obey Ẋ_i = B X_i Σ_k X_k [f(x_i)/x_i − f(x_k)/x_k] and the total
ẋ = −A x + (B − x) Σ f: the signal function alone decides what is remembered of a pattern. Linear: all of it; slower
than linear: nothing, all become equal; faster than linear: the largest; sigmoid: what is above a quenching threshold,
made equal. Grossberg 1973, Studies in Applied Mathematics 52, 213–257.
"""

import torch
from torch import Tensor

from unspool.dynamics.grossberg.check import Number
from unspool.dynamics.grossberg.shunting import Shunting
from unspool.dynamics.grossberg.signals import Signal
from unspool.dynamics.grossberg.solve import settle
from unspool.errors import SettingError

GONE = 1e-3
"""Of its first share: what a quenched unit has at most left."""
PROBES = 32


def competitive_field(
    size: int,
    f: Signal,
    *,
    A: float = 1.0,
    B: float = 1.0,
    I: Number = 0.0,  # noqa: E741 - the paper's letter
    J: Number = 0.0,
) -> Shunting:
    """The shunting network of `size` units with self-excitation and inhibition of all others, in float64.

    Raises:
        SettingError, DataError, ShapeError: see `Shunting`.
    """
    if size < 1:
        raise SettingError(f"competitive_field: size is {size}; a field has at least one unit")
    own = torch.eye(size, dtype=torch.float64)
    return Shunting(A=A, B=B, C=own, E=1 - own, f=f, g=f, I=I, J=J)


def shares(state: Tensor) -> Tensor:
    """X_i = x_i/Σ_k x_k, [..., S]: the pattern without its intensity."""
    return state / state.sum(-1, keepdim=True)


def quenching_threshold(field: Shunting, total: float, *, tolerance: float = 1e-6) -> float:
    """The share below which a weak unit is forgotten, measured.

    The field starts with Σx = `total`, shared equally by all units but one weaker one, whose share is sought where
    its fate changes: each round lets the field settle from 32 shares at once and keeps the interval in which it does.

    Args:
        field: a competitive field with its inputs off.
        total: Σx at the start.
        tolerance: how far the threshold may be off.

    Returns:
        The share, in 0 … 1/S; 0 where no share is quenched (f linear or slower), 1/S where every weaker unit is
        (f faster than linear).

    Raises:
        SettingError: the field has fewer than two units, a setting is not positive, or even equal activities die out.
        DataError: the field does not settle.

    Cost: log(1/(S · tolerance))/log 32 rounds, each an integration of 32 fields.
    """
    if field.size < 2:
        raise SettingError("a quenching threshold needs two units at least: one that is weaker than the other")
    if not (total > 0 and tolerance > 0):
        raise SettingError(f"quenching_threshold: total={total:g}, tolerance={tolerance:g}; both are positive")
    low, high = 0.0, 1 / field.size
    while high - low > tolerance:
        probes = torch.linspace(low, high, PROBES + 2, dtype=field.dtype)[1:-1]
        kept = _kept(field, probes, total)
        first = int(kept.long().argmax()) if bool(kept.any()) else PROBES
        edges = [low, *probes.tolist(), high]
        low, high = edges[first], edges[first + 1]
    return (low + high) / 2


def _kept(field: Shunting, weak: Tensor, total: float) -> Tensor:
    """Whether a unit of each share [N] keeps it, [N] bool."""
    pattern = ((1 - weak) / (field.size - 1))[:, None].repeat(1, field.size)
    pattern[:, 0] = weak
    final = settle(field, total * pattern)
    if bool((final.sum(-1) < GONE * total).any()):
        raise SettingError(
            f"the field forgets everything from a total of {total:g}: its decay A beats its signals",
            hint="for a linear f with slope c, B·c > A is needed; start from a larger total or strengthen f",
        )
    return shares(final)[:, 0] > GONE * weak
