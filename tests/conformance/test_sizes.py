"""Compiled code at every size of a tile and its remainders, and on tensors of any layout: values and every gradient.

Against the reference in float64, which is far slower and has no tiles.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.random_cells import numbers_for
from tests.tolerances import tolerance
from unspool.cells import built_in
from unspool.ir import StepGraph
from unspool.passes import bias_names, without_biases
from unspool.runtime.dispatch import kernel_for

CELLS = {name: page.graph for name, page in built_in().items()}
DTYPES = [torch.float64, torch.float32]
# Vectors have 2 to 16 lanes, tiles 1 to 14 rows, chunks 64 rows: each B and H is one more than some, and no multiple.
SIZES = [(1, 1), (3, 130), (17, 33), (33, 17), (130, 3)]
P = {1: 1, 3: 2, 17: 7, 33: 18, 130: 65}
BLOCKS = {1: 1, 3: 3, 17: 1, 33: 3, 130: 10}
Layout = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Size:
    """T, B and H; the other letters follow."""

    steps: int
    batch: int
    units: int

    @property
    def letters(self) -> dict[str, int]:
        return {"I": 1 + self.steps, "H": self.units, "P": P[self.units], "N": BLOCKS[self.units]}


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


@dataclass(frozen=True)
class Given:
    """What a kernel is called with, by name, in float64."""

    inputs: dict[str, Tensor]
    parameters: dict[str, Tensor]
    initial: dict[str, Tensor]

    @property
    def leaves(self) -> dict[str, Tensor]:
        return self.inputs | self.parameters | self.initial


def given(graph: StepGraph, size: Size) -> Given:
    numbers = numbers_for(graph, 2, steps=size.steps, batch=size.batch, sizes=size.letters)
    states = [s.name for s in graph.states]
    # Rows of 130 weights as large as those of 3 would drive every unit into saturation, where there is nothing to see.
    scaled = {n: v / max(1.0, v.shape[-1] / 4) ** 0.5 if v.ndim == 2 else v for n, v in numbers.parameters.items()}
    return Given(
        {n: torch.tensor(v) for n, v in numbers.inputs.items()},
        {n: torch.tensor(v) for n, v in scaled.items()},
        {f"initial {n}": torch.tensor(v) for n, v in zip(states, numbers.initial, strict=True)},
    )


def results(
    backend: str,
    graph: StepGraph,
    size: Size,
    dtype: torch.dtype,
    *,
    layout: Layout = plain,
    loss: Callable[[Mapping[str, Tensor]], Tensor] | None = None,
) -> dict[str, Tensor]:
    """The output, the final states, and the gradient of everything that is given."""
    numbers = given(graph, size)
    leaves = {n: v.to(dtype).requires_grad_() for n, v in numbers.leaves.items()}
    laid = {n: layout(v) for n, v in leaves.items() if n not in numbers.parameters}
    output, final = kernel_for(graph, backend)(
        {n: laid[n] for n in numbers.inputs},
        {n: leaves[n] for n in numbers.parameters},
        [laid[n] for n in numbers.initial],
    )
    found = {"output": output} | {f"final {s.name}": v for s, v in zip(graph.states, final, strict=True)}
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
def expected(graph: StepGraph, size: Size) -> dict[str, Tensor]:
    return results("reference", graph, size, torch.float64)


def same(found: Mapping[str, Tensor], reference: Mapping[str, Tensor], dtype: torch.dtype, steps: int) -> None:
    for name, value in reference.items():
        assert found[name].dtype == dtype
        allowed = tolerance(dtype, steps, scale=float(value.abs().max()))
        np.testing.assert_allclose(found[name].double().numpy(), value.numpy(), rtol=0, atol=allowed, err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize(("batch", "units"), SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_odd_sizes(name: str, batch: int, units: int, steps: int, dtype: torch.dtype):
    size = Size(steps, batch, units)
    same(results("llvm", CELLS[name], size, dtype), expected(CELLS[name], size), dtype, steps)


@pytest.mark.parametrize("name", [n for n, graph in CELLS.items() if bias_names(graph)])
def test_without_biases(name: str):
    graph, size = without_biases(CELLS[name]), Size(5, 3, 17)
    same(results("llvm", graph, size, torch.float64), expected(graph, size), torch.float64, 5)


@pytest.mark.parametrize("layout", [turned, spaced, batch_first, inside])
@pytest.mark.parametrize("name", CELLS)
def test_inputs_and_initial_states_of_any_layout(name: str, layout: Layout):
    """Also when what a strided tensor is made of is what the gradient is for."""
    size = Size(5, 3, 17)
    found = results("llvm", CELLS[name], size, torch.float64, layout=layout)
    same(found, expected(CELLS[name], size), torch.float64, 5)


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
    size = Size(5, 3, 17)
    found, reference = (results(b, CELLS[name], size, torch.float64, loss=loss) for b in ("llvm", "reference"))
    same(found, reference, torch.float64, 5)
