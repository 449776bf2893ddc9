"""A contender: a call that is timed, and how its result is read for the check."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.kernels.case import Case
from benchmarks.kernels.oracle import Values


class Unable(Exception):  # noqa: N818
    """A contender cannot do a row; the message says why."""


@dataclass(frozen=True)
class Contender:
    """One way to do a row's work.

    Attributes:
        label: which variant, e.g. `whole loop`.
        call: does the work once.
        read: from the result of `call` to named tensors.
    """

    label: str
    call: Callable[[], Any]
    read: Callable[[Any], Values]


Variants = Callable[[Case, str, float], Iterator[Contender]]
"""(case, mode, seconds that one compilation may take) → variants, of which the fastest is measured.

Raises:
    Unable: while iterating.
"""

TorchRun = Callable[[Tensor, Sequence[Tensor]], Tensor]
"""(x [T, B, I], parameters in the page's order) → output [T, B, ·]."""


def torch_contender(case: Case, mode: str, label: str, run: TorchRun) -> Contender:
    """A contender from a differentiable function of torch tensors."""
    parameters = [p.detach().clone().requires_grad_() for p in case.parameters.values()]
    names = ["gradient x", *(f"gradient {n}" for n in case.parameters)]
    x = case.leaf()

    def forward() -> Tensor:
        with torch.no_grad():
            return run(x, parameters)

    def training() -> tuple[Tensor, ...]:
        output = run(x, parameters)
        return output, *torch.autograd.grad(output, [x, *parameters], case.gradient)

    if mode == "forward":
        return Contender(label, forward, lambda output: {"output": output})
    return Contender(label, training, lambda result: dict(zip(["output", *names], result, strict=True)))
