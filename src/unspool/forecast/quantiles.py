"""Quantiles that never cross, and the loss they are trained with."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from unspool.errors import SettingError

DEFAULT_LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """The levels ascending, with the median among them (it is the point forecast).

    Raises:
        SettingError: a level does not lie strictly between 0 and 1, or stands twice.
    """
    for level in levels:
        if not 0 < level < 1:
            raise SettingError(f"quantile {level:g} does not lie between 0 and 1", hint="for example 0.1,0.5,0.9")
    if len(set(levels)) != len(levels):
        raise SettingError(f"a quantile stands twice in {', '.join(f'{v:g}' for v in levels)}")
    return tuple(sorted({*map(float, levels), 0.5}))


def ordered(raw: Tensor, median: int) -> Tensor:
    """Raw numbers [.., Q] → quantiles [.., Q] ascending: the median, and positive distances added up on both sides."""
    middle = raw[..., median : median + 1]
    above = functional.softplus(raw[..., median + 1 :]).cumsum(-1)
    below = functional.softplus(raw[..., :median]).flip(-1).cumsum(-1).flip(-1)
    return torch.cat([middle - below, middle, middle + above], -1)


def quantile_loss(quantiles: Tensor, target: Tensor, mask: Tensor, levels: Tensor) -> Tensor:
    """Twice the mean pinball loss over the levels, plus the Huber loss of the median, over what was observed.

    The first makes every level a quantile (Koenker & Bassett 1978); the second, quadratic within one unit, draws the
    point a little towards the mean, which the squared error asks for.

    Args:
        quantiles: [B, H, Q].
        target: [B, H].
        mask: [B, H], 1 where the target was observed.
        levels: [Q].
    """
    error = target[..., None] - quantiles
    pinball = torch.maximum(levels * error, (levels - 1) * error).mean(-1)
    middle = error[..., int((levels - 0.5).abs().argmin())]
    huber = functional.huber_loss(middle, torch.zeros_like(middle), reduction="none")
    return ((2 * pinball + huber) * mask).sum() / mask.sum().clamp(min=1)
