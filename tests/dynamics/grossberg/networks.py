"""Random networks with the signs that the equations ask for."""

import torch
from torch import Tensor

from unspool.dynamics.grossberg import Additive, Shunting, sigmoid


def uniform(seed: int, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, dtype=torch.float64, generator=generator)


def random_shunting(seed: int, size: int = 6) -> Shunting:
    return Shunting(
        A=uniform(seed, size, high=2),
        B=uniform(seed + 1, size, low=0.2, high=3),
        D=uniform(seed + 2, size, high=1.5),
        C=uniform(seed + 3, size, size, high=2),
        E=uniform(seed + 4, size, size, high=2),
        f=sigmoid(0.4, top=3.0),
        g=sigmoid(0.7, top=2.0),
        I=uniform(seed + 5, size, high=4),
        J=uniform(seed + 6, size, high=4),
        z_plus=uniform(seed + 7, size, size),
        z_minus=uniform(seed + 8, size, size),
    )


def random_additive(seed: int, size: int = 6, *, symmetric: bool = True) -> Additive:
    paths = 4 * torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) / size**0.5
    paths = (paths + paths.mT) / 2 if symmetric else paths
    return Additive(
        A=uniform(seed, size, low=0.5, high=2),
        B=paths.clamp(min=0),
        C=(-paths).clamp(min=0),
        f=torch.tanh,
        g=torch.tanh,
        I=uniform(seed + 1, size, low=-1),
    )
