"""How far a kernel may be from float64 equations, by dtype and number of steps. The one table of kit and tests."""

import torch

UNIT = {torch.float64: 2e-14, torch.float32: 1e-5}


def tolerance(dtype: torch.dtype, steps: int, *, scale: float = 1.0) -> float:
    """Absolute error allowed in values of size `scale` after `steps` steps; rounding adds up at most linearly."""
    return UNIT[dtype] * (1 + 0.1 * steps) * max(1.0, scale)
