"""Per-window normalisation: what is taken off a window before the network reads it, and put back after.

| name | the window minus | divided by |
|---|---|---|
| `last` | its last observed value | 1 |
| `scaled` | its last observed value | its deviation |
| `mean` | its mean | 1 |
| `standard` | its mean | its deviation |
| `season` | the last observed value of the same phase of the season | 1 |
| `ratio` | nothing | its mean, for heads of values that are never negative |

Windows come in units of their series' scale, so 1 is already the size of the series' variation. Reversible
instance normalisation: Kim et al. 2022, ICLR (RevIN), without its affine part; `last` as in Zeng et al. 2023,
arXiv:2205.13504 (NLinear).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Level:
    """What was taken off (`past` [B, L] or [B, 1]), what is put back (`future` [B, H] or [B, 1]), the `unit` [B, 1]."""

    past: Tensor
    future: Tensor
    unit: Tensor


def last(past: Tensor, mask: Tensor, horizon: int, season: int) -> Level:
    """The last observed value."""
    del horizon, season
    steps = torch.arange(1, past.shape[1] + 1, device=past.device)
    value = past.gather(1, (mask * steps).argmax(1, keepdim=True))
    return Level(value, value, torch.ones_like(value))


def scaled(past: Tensor, mask: Tensor, horizon: int, season: int) -> Level:
    """The last observed value, with the window's own deviation as the unit."""
    value = last(past, mask, horizon, season).past
    return Level(value, value, _deviation(past, mask))


def mean(past: Tensor, mask: Tensor, horizon: int, season: int) -> Level:
    """The mean of what was observed."""
    del horizon, season
    value = _mean(past, mask)
    return Level(value, value, torch.ones_like(value))


def standard(past: Tensor, mask: Tensor, horizon: int, season: int) -> Level:
    """The mean, with the window's own deviation as the unit."""
    del horizon, season
    value = _mean(past, mask)
    return Level(value, value, _deviation(past, mask))


def seasonal(past: Tensor, mask: Tensor, horizon: int, season: int) -> Level:
    """For each phase of the season its last observed value in the window; its mean where a phase was never observed."""
    lookback = past.shape[1]
    whole = lookback // season * season
    values = past[:, lookback - whole :].unflatten(1, (-1, season))
    seen = mask[:, lookback - whole :].unflatten(1, (-1, season))
    turns = torch.arange(1, whole // season + 1, device=past.device)[:, None]
    newest = values.gather(1, (seen * turns).argmax(1, keepdim=True))[:, 0]
    path = torch.where(seen.sum(1) > 0, newest, _mean(past, mask))
    phases = torch.arange(-lookback, horizon, device=past.device) % season
    unrolled = path[:, phases]
    return Level(unrolled[:, :lookback], unrolled[:, lookback:], torch.ones_like(path[:, :1]))


def ratio(past: Tensor, mask: Tensor, horizon: int, season: int) -> Level:
    """Nothing is taken off; the mean is the unit, at least a tenth of the series' own."""
    del horizon, season
    value = _mean(past, mask).clamp(min=0.1)
    return Level(torch.zeros_like(value), torch.zeros_like(value), value)


NORMALISATIONS: dict[str, Callable[[Tensor, Tensor, int, int], Level]] = {
    "last": last,
    "scaled": scaled,
    "mean": mean,
    "standard": standard,
    "season": seasonal,
    "ratio": ratio,
}
"""name → (past [B, L], mask [B, L], horizon, season) → `Level`."""


def _mean(past: Tensor, mask: Tensor) -> Tensor:
    return (past * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)


def _deviation(past: Tensor, mask: Tensor) -> Tensor:
    # A floor of a hundredth of the series' deviation: a flat window is not blown up.
    return (_mean((past - _mean(past, mask)) ** 2, mask) + 1e-4).sqrt()
