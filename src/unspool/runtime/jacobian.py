"""The Jacobian of a step, from the tangent of its graph: in blocks, or times columns over many steps.

`tangent_blocks` evaluates the tangent at N states with derivatives in the place of tangents. The carried ones begin as
identities, so that R @ δh is R itself, one matrix for all N states, and f ∘ δc a vector. `tangent_steps` runs the
tangent itself over time, as compiled code.

Which of them carries columns faster was measured on an LSTM of 128 units in float64 on one core. K columns times the
blocks take 0.2 + 0.002 K milliseconds per step, compiled 0.03 + 0.005 K, and 0.4 for each call. A kernel computes a
step's coefficients anew for every column, and multiplies with all gates' matrices where the blocks have their sum. So
blocks are for many columns, for few steps and for whoever wants the matrix; the compiled tangent is for few columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from torch import Tensor
from torch.nn import functional

from unspool.backends.reference.operations import TORCH, block_product
from unspool.ir import Apply, Constant, Read, StepGraph, Weight, is_block_diagonal
from unspool.passes import tangent, without_coefficients
from unspool.runtime.blocks import LINEAR, Blocks
from unspool.runtime.unroll import unroll

tangent_of = cache(tangent)
"""The tangent of a graph, derived once."""

_linear_of = cache(without_coefficients)


def tangent_blocks(
    graph: StepGraph,
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    states: Sequence[Tensor],
    tangents: Mapping[str, Blocks],
) -> tuple[tuple[Blocks, ...], Blocks]:
    """The derivatives of one step's next states and of its output, at N states.

    Args:
        graph: the cell.
        inputs: [N, size] for each input of the page.
        parameters: as stored.
        states: [N, size] for each state, before the step.
        tangents: by name the derivative of each state, and of each vector input that is not constant.

    Cost: vectors [N, H]. Only a product of a product, as in a cell of two stages, and a sum over units take matrices
    [N, H, H]. Everything is differentiable, in any dtype and on any device.
    """
    moved = tangent_of(graph, tuple(v.name for v in graph.inputs if v.name in tangents))
    given = {**inputs, **dict(zip((s.name for s in graph.states), states, strict=True))}
    values = _evaluate(moved, {**given, **{f"δ{name}": blocks for name, blocks in tangents.items()}}, parameters)
    *following, output = (v if isinstance(v := values[p], Blocks) else Blocks() for p in moved.results)
    return tuple(following), output


def tangent_steps(
    graph: StepGraph,
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    states: Sequence[Tensor],
    tangents: Sequence[Tensor],
    input_tangents: Mapping[str, Tensor] | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Tangents of the output [T, B, K, ·] and of the final states [B, K, ·]: columns carried through T steps, compiled.

    Args:
        graph: the cell.
        inputs: [T, B, size] for each input of the page.
        parameters: as stored.
        states: [T, B, size] for each state, before each step.
        tangents: [B, K, size] for each state, before the first step: K columns of each of B sequences.
        input_tangents: [T, B, K, size] for each input that is not constant.

    Cost: what multiplies tangents is computed for all T steps at once; then T steps in order, with the products of the
    cell's own steps at a batch of B·K. Differentiable.
    """
    moving = input_tangents or {}
    moved = tangent_of(graph, tuple(v.name for v in graph.inputs if v.name in moving))
    linear, positions = _linear_of(moved)
    given = {**inputs, **dict(zip((s.name for s in graph.states), states, strict=True))}
    values = _evaluate(moved, given, parameters)
    steps, (batch, columns) = next(iter(inputs.values())).shape[0], tangents[0].shape[:2]

    def of_columns(value: Tensor) -> Tensor:
        value = value if value.dim() else value[None]
        return value.expand(steps, batch, -1)[:, :, None].expand(-1, -1, columns, -1).flatten(1, 2)

    coefficients = {v.name: of_columns(values[p]) for v, p in zip(linear.inputs, positions, strict=False)}
    shape = {"": tangents[0].new_empty(()).expand(steps, batch * columns, 1)}  # where there is no other input
    output, finals = unroll(
        linear,
        {**shape, **coefficients, **{f"δ{name}": v.flatten(1, 2) for name, v in moving.items()}},
        parameters,
        [t.flatten(0, 1) for t in tangents],
    )
    output = output.expand(steps, batch * columns, -1)  # zero for all at once where no column reaches it
    return output.unflatten(1, (batch, columns)), tuple(f.unflatten(0, (batch, columns)) for f in finals)


def _evaluate(graph: StepGraph, reads: Mapping[str, Any], parameters: Mapping[str, Tensor]) -> list[Any]:
    """The value of every node: of a tangent its blocks, or None where nothing is given for it."""
    gates = {p.name: p.gates for p in graph.parameters}
    values: list[Any] = []
    for node in graph.nodes:
        match node:
            case Read(name, _):
                values.append(reads.get(name))
            case Weight(name, None, _):
                values.append(parameters[name])
            case Weight(name, str(gate), _):
                values.append(parameters[name].chunk(len(gates[name]))[gates[name].index(gate)])
            case Constant(value, _):
                values.append(value)
            case Apply(operation, arguments, _):
                given = [values[a] for a in arguments]
                if any(v is None for v in given):
                    values.append(None)
                elif any(isinstance(v, Blocks) for v in given):
                    values.append(LINEAR[operation](*given))
                elif operation == "product":
                    in_blocks = is_block_diagonal(graph.nodes[arguments[0]].shape)
                    values.append((block_product if in_blocks else functional.linear)(given[1], given[0]))
                else:
                    values.append(TORCH[operation](*given))
    return values
