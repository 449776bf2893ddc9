"""Compiled code at every size of a tile and its remainders, and on tensors of any layout: values and every gradient.

Against the reference in float64, which is far slower and has no tiles.
"""

import zlib
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from unspool.cells import built_in
from unspool.passes import as_run, bias_names, without_biases
from unspool.runtime.dispatch import kernel_for
from unspool.testing.case import Case
from unspool.testing.check import compare
from unspool.testing.numbers import numbers_of

CELLS = built_in()
DTYPES = [torch.float64, torch.float32]
# Vectors have 2 to 16 lanes, tiles 1 to 14 rows, chunks 64 rows: each B and H is one more than some, and no multiple.
SIZES = [(1, 1), (3, 130), (17, 33), (33, 17), (130, 3)]
P = {1: 1, 3: 2, 17: 7, 33: 18, 130: 65}
BLOCKS = {1: 1, 3: 3, 17: 1, 33: 3, 130: 10}
Layout = Callable[[Tensor], Tensor]


def sized(steps: int, batch: int, units: int) -> Case:
    """T, B and H; the other letters follow."""
    name = f"T={steps} B={batch} H={units}"
    return Case(name, steps, batch, 1 + steps, units, others=P[units], blocks=BLOCKS[units])


def plain(tensor: Tensor) -> Tensor:
    return tensor


def turned(tensor: Tensor) -> Tensor:
    """Its last axis has the largest stride."""
    return tensor.movedim(-1, 0).contiguous().movedim(0, -1)


def spaced(tensor: Tensor) -> Tensor:
    """Every other number of a row twice as long."""
    return tensor.repeat_interleave(2, -1)[..., ::2]


def batch_first(tensor: Tensor) -> Tensor:
    return tensor.transpose(0, 1).contiguous().transpose(0, 1)


def inside(tensor: Tensor) -> Tensor:
    """A part of larger rows, at an odd place."""
    return torch.nn.functional.pad(tensor, (3, 2))[..., 3:-2]


def results(
    backend: str,
    name: str,
    case: Case,
    dtype: torch.dtype,
    *,
    bias: bool = True,
    layout: Layout = plain,
    loss: Callable[[Mapping[str, Tensor]], Tensor] | None = None,
) -> dict[str, Tensor]:
    """The output, the final states, and the gradient of everything that is given; inputs with a default are not."""
    graph = as_run(CELLS[name].graph)
    graph = graph if bias else without_biases(graph)
    numbers = numbers_of(CELLS[name], case).leaves
    states = [s.name for s in graph.states]
    taken = [*(v.name for v in graph.inputs), *(p.name for p in graph.parameters), *(f"initial {s}" for s in states)]
    leaves = {n: numbers[n].to(dtype, copy=True).requires_grad_() for n in taken}
    parameters = {p.name: leaves[p.name] for p in graph.parameters}
    laid = {n: layout(v) for n, v in leaves.items() if n not in parameters}
    output, final = kernel_for(graph, backend)(
        {v.name: laid[v.name] for v in graph.inputs}, parameters, [laid[f"initial {s}"] for s in states]
    )
    found = {"output": output} | {f"final {s}": v for s, v in zip(states, final, strict=True)}
    by = torch.autograd.grad((loss or weighted)(found), list(leaves.values()), allow_unused=True)
    gradients = {
        f"d {n}": torch.zeros_like(v) if g is None else g for (n, v), g in zip(leaves.items(), by, strict=True)
    }
    return {n: v.detach() for n, v in (found | gradients).items()}


def weighted(found: Mapping[str, Tensor]) -> Tensor:
    """A sum in which no two results weigh the same; a mean over the batch, so that gradients do not grow with it."""
    total = torch.zeros((), dtype=found["output"].dtype)
    for name, value in found.items():
        weights = np.random.default_rng(zlib.crc32(name.encode())).normal(size=value.shape) / value.shape[-2]
        total = total + (value * torch.tensor(weights, dtype=value.dtype)).sum()
    return total


@cache
def expected(name: str, case: Case, bias: bool = True) -> dict[str, Tensor]:
    return results("reference", name, case, torch.float64, bias=bias)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize(("batch", "units"), SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_odd_sizes(name: str, batch: int, units: int, steps: int, dtype: torch.dtype):
    case = sized(steps, batch, units)
    compare(name, results("llvm", name, case, dtype), expected(name, case), dtype, steps)


ODD = sized(5, 3, 17)


@pytest.mark.parametrize("name", [n for n, cell in CELLS.items() if bias_names(as_run(cell.graph))])
def test_without_biases(name: str):
    found = results("llvm", name, ODD, torch.float64, bias=False)
    compare(name, found, expected(name, ODD, bias=False), torch.float64, 5)


@pytest.mark.parametrize("layout", [turned, spaced, batch_first, inside])
@pytest.mark.parametrize("name", CELLS)
def test_inputs_and_initial_states_of_any_layout(name: str, layout: Layout):
    """Also when what a strided tensor is made of is what the gradient is for."""
    compare(name, results("llvm", name, ODD, torch.float64, layout=layout), expected(name, ODD), torch.float64, 5)


def ramped(value: Tensor) -> Tensor:
    """A weighted sum whose gradient is contiguous in the axes of `value`."""
    return (value * torch.linspace(-1, 1, value.numel(), dtype=value.dtype).view(value.shape)).sum()


LOSSES: dict[str, Callable[[Mapping[str, Tensor]], Tensor]] = {
    "an expanded number": lambda found: sum((v.sum() for v in found.values()), torch.zeros(())),
    "turned": lambda found: sum((ramped(v.movedim(-1, 0)) for v in found.values()), torch.zeros(())),
    "the output's only": lambda found: found["output"].sum(),
    "the last step's only": lambda found: ramped(found["output"][-1]),
    "a final state's only": lambda found: [v for n, v in found.items() if n != "output"][-1].sum(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("name", CELLS)
def test_incoming_gradients_of_any_layout(name: str, loss: Callable[[Mapping[str, Tensor]], Tensor]):
    found, reference = (results(b, name, ODD, torch.float64, loss=loss) for b in ("llvm", "reference"))
    compare(name, found, reference, torch.float64, 5)
