"""The Jacobian of a step, derived from its graph, is what automatic differentiation finds."""

from dataclasses import replace
from itertools import accumulate

import torch
from torch import Tensor

from unspool.lang import Cell
from unspool.runtime import Jacobian, identity_blocks, tangent_blocks
from unspool.testing.case import CASES
from unspool.testing.check import compare
from unspool.testing.numbers import Numbers, numbers_of
from unspool.testing.subject import run_kernel

_ONE_STEP = replace(CASES["plain"], name="one step", steps=1)


def the_jacobian_is_autograds(cell: Cell) -> None:
    """Of every next state and the output, by every state and x, in float64."""
    numbers = numbers_of(cell, _ONE_STEP)
    (x,) = (v.name for v in numbers.graph.vector_inputs)
    by = [*(f"initial {n}" for n in numbers.initial), x]
    leaves = {n: v.clone().requires_grad_(n in by) for n, v in numbers.leaves.items()}
    results = run_kernel("reference", numbers.graph, _ONE_STEP, leaves)
    following = {n: v for n, v in results.items() if n != "output"} | {"output": results["output"][0]}
    expected = torch.cat([_rows(v, [leaves[n] for n in by]) for v in following.values()], 1)
    found = _derived(numbers, x, [v.shape[-1] for v in following.values()])
    where = f"{cell.name}, reference, float64, one step"
    compare(where, {"the Jacobian": found}, {"the Jacobian": expected}, torch.float64, 1)


def _rows(result: Tensor, leaves: list[Tensor]) -> Tensor:
    """[B, rows, columns]. Sequences do not know of each other, so that their sum is differentiated at once."""
    rows = []
    for unit in range(result.shape[-1]):
        found = torch.autograd.grad(result[:, unit].sum(), leaves, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(v) if g is None else g for v, g in zip(leaves, found, strict=True)]
        rows.append(torch.cat([p[0] if p.dim() == 3 else p for p in parts], -1))
    return torch.stack(rows, 1)


def _derived(numbers: Numbers, x: str, heights: list[int]) -> Tensor:
    """From the tangent of the graph."""
    states, now = list(numbers.initial.values()), {n: v[0] for n, v in numbers.inputs.items()}
    widths = [v.shape[-1] for v in (*states, now[x])]
    firsts = [0, *accumulate(widths)][:-1]
    moving = {
        n: identity_blocks(w, f, states[0]) for n, w, f in zip([*numbers.initial, x], widths, firsts, strict=True)
    }
    following, output = tangent_blocks(numbers.graph, now, numbers.parameters, states, moving)
    rows = tuple(zip(heights, (*following, output), strict=True))
    return Jacobian(rows, tuple(zip(firsts, widths, strict=True))).dense(states[0])
