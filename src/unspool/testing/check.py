"""A check: a name and what it asks; and the comparison that all of them make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.testing.tolerances import tolerance


@dataclass(frozen=True)
class Check:
    """One question to a cell.

    Attributes:
        name: what is asked, and on which backend in which dtype.
        ask: raises an AssertionError that names the case and says by how much it fails.
    """

    name: str
    ask: Callable[[], None]

    def __call__(self) -> None:
        """Ask it."""
        self.ask()

    def __str__(self) -> str:
        return self.name


def compare(
    where: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor], dtype: torch.dtype, steps: int
) -> None:
    """Every value of `expected`, in float64, must be found, in `dtype` and within its tolerance.

    Raises:
        AssertionError: one is not; it says where, which value, and by how much.
    """
    if found.keys() != expected.keys():
        raise AssertionError(f"{where}: there are {', '.join(found)}; expected {', '.join(expected)}")
    for name, value in expected.items():
        shape = tuple(value.shape)
        if found[name].dtype != dtype or tuple(found[name].shape) != shape:
            is_now = f"{found[name].dtype} {list(found[name].shape)}"
            raise AssertionError(f"{where}: {name} is {is_now}; expected {dtype} {list(shape)}")
        if not value.numel():
            continue
        value = value.detach()
        allowed = tolerance(dtype, steps, scale=float(value.abs().max()))
        off = float((found[name].detach().double() - value).abs().max())
        if not off <= allowed:  # a NaN is not within anything
            raise AssertionError(f"{where}: {name} is off by {off:.2g}; allowed is {allowed:.2g}")
