"""Signal functions f(w): what a unit of activity w sends to the others; none is sent below zero.

How f(w)/w goes with w decides what a competitive field does with a pattern (Grossberg 1973, Studies in Applied
Mathematics 52, 213–257): constant keeps it, falling makes it uniform, rising lets one unit win; rising first, and then
constant or falling, has a quenching threshold.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from unspool.errors import SettingError

Signal = Callable[[Tensor], Tensor]
"""Activities of any shape → signals of that shape, number by number; torch operations, so that it can be derived."""


def linear(slope: float = 1.0) -> Signal:
    """f(w) = slope · w."""
    _check_positive(slope=slope)
    return lambda w: slope * w.clamp(min=0)


def power(exponent: float = 2.0, gain: float = 1.0) -> Signal:
    """f(w) = gain · w^exponent: faster than linear for exponents above 1, the least allowed."""
    _check_positive(gain=gain, exponent=exponent)
    if exponent < 1:
        raise SettingError(
            f"power: exponent is {exponent}; below 1 the slope at 0 is infinite",
            hint="saturating() is slower than linear and smooth",
        )
    return lambda w: gain * w.clamp(min=0) ** exponent


def saturating(half: float, top: float = 1.0) -> Signal:
    """f(w) = top · w/(half + w): slower than linear; half its top at w = half."""
    return sigmoid(half, 1.0, top)


def sigmoid(half: float, exponent: float = 2.0, top: float = 1.0) -> Signal:
    """f(w) = top · w^n/(half^n + w^n): for n > 1 faster than linear, then slower."""
    _check_positive(half=half, top=top)
    f = power(exponent)
    return lambda w: top * f(w / half) / (1 + f(w / half))


def hybrid(knee: float, slope: float = 1.0) -> Signal:
    """f(w) = slope · w · min(w/knee, 1): faster than linear up to the knee, then linear.

    Its quenching threshold is exact: with a total at or above its limit B − A/slope, a unit is kept if its share is at
    least knee/(B − A/slope), and quenched below (Grossberg 1973).
    """
    _check_positive(knee=knee, slope=slope)
    return lambda w: slope * w.clamp(min=0) * (w.clamp(min=0) / knee).clamp(max=1)


def slope(f: Signal, w: Tensor) -> Tensor:
    """f'(w), number by number: the derivative of Σ f, as f(w) at one place depends on w there only."""
    return torch.func.grad(lambda places: f(places).sum())(w)


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < float("inf"):
            raise SettingError(f"a signal function's {name} is {value}; it must be positive and finite")
