"""Derivatives against finite differences, in random directions: one number for each thing that is differentiated by."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

Function = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""From named tensors in float64 to named tensors."""


def check_first(where: str, function: Function, leaves: Mapping[str, Tensor]) -> None:
    """The derivatives of what needs gradients, by every leaf that does.

    Raises:
        AssertionError: one is wrong; it says where, of what, by what, and by how much.
    """
    wanted = [n for n, v in leaves.items() if v.requires_grad]
    of: list[str] = []

    def of_tensors(*given: Tensor) -> tuple[Tensor, ...]:
        found = function({**leaves, **dict(zip(wanted, given, strict=True))})
        of[:] = [n for n, v in found.items() if v.requires_grad]
        return tuple(found[n] for n in of)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            torch.autograd.gradcheck(of_tensors, [leaves[n] for n in wanted], fast_mode=True)
        except GradcheckError as error:
            said = " ".join(str(error).split())
            listed = f"outputs: {', '.join(of)}; inputs: {', '.join(wanted)}"
            raise AssertionError(f"{where}: {said} ({listed})") from None


def check_second(where: str, function: Function, leaves: Mapping[str, Tensor]) -> None:
    """The derivatives of the gradients, by every leaf that needs them and by what the gradients are weighted with.

    Raises:
        AssertionError: as `check_first`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        of = {n: v for n, v in function(leaves).items() if v.requires_grad}
        weights = {f"weight of {n}": torch.randn_like(v).requires_grad_() for n, v in of.items()}
    check_first(where, partial(_gradients, function, list(of)), {**leaves, **weights})


def _gradients(function: Function, of: list[str], leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    by = {n: v for n, v in leaves.items() if v.requires_grad and not n.startswith("weight of ")}
    results, weights = function(leaves), [leaves[f"weight of {n}"] for n in of]
    found = torch.autograd.grad(
        [results[n] for n in of], list(by.values()), weights, create_graph=True, allow_unused=True
    )
    return {f"d {n}": g for n, g in zip(by, found, strict=True) if g is not None}
