"""Sweeps read in NumPy float64: one sequence, one step, one node at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from unspool.ir import Apply, Constant, Read, StepGraph, Weight, in_numbers, is_block_diagonal
from unspool.ir.print import written
from unspool.passes import make_plan
from unspool.passes.adjoint import Adjoint
from unspool.passes.fold import Folded, fold
from unspool.passes.save import Training
from unspool.passes.sweep import Sweep, weight_name
from unspool.testing.interpreter import NUMPY

Values = Mapping[str, Any]
"""The name of a read, a state or a weight (`R.r`) → its value at one step; over time reads have the steps first."""

SIZES = {"I": 3, "H": 4, "P": 2, "N": 2}


def folded(graph: StepGraph) -> Folded:
    return fold(make_plan(graph))


def text(sweep: Sweep, name: str) -> str:
    """What a state's next value, a write or a sum is computed by, all of it written out."""
    positions = {s.name: p for s, p in zip(sweep.states, sweep.next_states, strict=True)}
    return written(sweep.nodes, {})[{**positions, **dict(sweep.writes), **dict(sweep.sums)}[name]]


def values_for(
    sweep: Sweep, seed: int, *, steps: int | None = None, sizes: Mapping[str, int] = SIZES
) -> dict[str, Any]:
    """A random value for everything that a step takes; for `steps` of them, states being those before the first."""
    rng = np.random.default_rng(seed)
    over_time = () if steps is None else (steps,)
    values = {s.name: rng.uniform(-0.9, 0.9, in_numbers(s.shape, sizes)) for s in sweep.states}
    values |= {r.name: rng.uniform(-0.9, 0.9, (*over_time, *in_numbers(r.shape, sizes))) for r in sweep.reads}
    return values | {weight_name(w): rng.uniform(-0.9, 0.9, in_numbers(w.shape, sizes)) for w in sweep.weights}


def evaluate(sweep: Sweep, values: Values) -> list[Any]:
    """The value of every node."""
    found: list[Any] = []
    for node in sweep.nodes:
        match node:
            case Read(name, _):
                found.append(values[name])
            case Weight():
                found.append(values[weight_name(node)])
            case Constant(value, _):
                found.append(np.float64(value))
            case Apply("transpose", (matrix,), shape):
                found.append(_transposed(found[matrix], is_block_diagonal(shape)))
            case Apply("spread", (number, like), _):
                found.append(np.full_like(found[like], found[number]))
            case Apply(operation, arguments, _):
                found.append(NUMPY[operation](*(found[a] for a in arguments)))
    return found


def step_gradients(derived: Adjoint, values: Values) -> dict[str, Any]:
    """The gradient of one step by everything it takes; `values` has the results' gradients as well, as `∂NAME`."""
    found = evaluate(derived.sweep, values)
    gradients = {n: found[p] for n, p in _adjoint_results(derived.sweep)}
    for gradient in derived.deferred:
        name = weight_name(gradient.weight)
        _add(gradients, f"∂{name}", outer(found[gradient.delta], found[gradient.operand], values[name].shape[1]))
    return gradients


def run_forward(sweep: Sweep, values: Values, steps: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is written at every step, and the states after the last."""
    states = {s.name: values[s.name] for s in sweep.states}
    writes: dict[str, list[Any]] = {name: [] for name, _ in sweep.writes}
    for t in range(steps):
        found = evaluate(sweep, {**values, **_at(sweep, values, t), **states})
        states = {s.name: found[p] for s, p in zip(sweep.states, sweep.next_states, strict=True)}
        for name, position in sweep.writes:
            writes[name].append(found[position])
    return {n: np.array(v) for n, v in writes.items()}, states


def run_adjoint(training: Training, values: Values, written: Values, gradients: Values, steps: int) -> dict[str, Any]:
    """The gradients over time of what the forward sweep takes, from what it has `written` alone.

    Args:
        training: the two sweeps.
        values: what the forward sweep was given.
        written: what it wrote.
        gradients: of its writes, and of its states after the last step, as `∂NAME`.
        steps: T.
    """
    sweep = training.adjoint
    before = {n: np.array([values[n], *written[f"{n}'"][:-1]]) for n in sweep.shifted}
    reads = {**values, **written, **before, **gradients}
    carried = {s.name: gradients[s.name] for s in sweep.states}
    found: dict[str, Any] = {}
    over_time: dict[str, list[Any]] = {name: [] for name, _ in sweep.writes}
    for t in reversed(range(steps)):
        now = evaluate(sweep, {**reads, **_at(sweep, reads, t), **carried})
        carried = {s.name: now[p] for s, p in zip(sweep.states, sweep.next_states, strict=True)}
        for name, position in sweep.writes:
            over_time[name].insert(0, now[position])
        for name, position in sweep.sums:
            _add(found, name, now[position])
    found |= {name: found[shared] for name, shared in training.totals}
    found |= {n: np.array(v) for n, v in over_time.items()} | carried
    for gradient in training.deferred:
        width = values[weight_name(gradient.weight)].shape[1]
        for delta, operand in zip(over_time[gradient.delta], reads[gradient.operand], strict=True):
            _add(found, f"∂{weight_name(gradient.weight)}", outer(delta, operand, width))
    return found


def outer(delta: Any, operand: Any, width: int) -> Any:
    """Delta ⊗ operand [rows, width]; of a block-diagonal matrix, which is narrower than its operand, the blocks."""
    whole = np.outer(delta, operand)
    if width == len(operand):
        return whole
    return np.array([row[j // width * width :][:width] for j, row in enumerate(whole)])


def _adjoint_results(sweep: Sweep) -> tuple[tuple[str, int], ...]:
    return (*((s.name, p) for s, p in zip(sweep.states, sweep.next_states, strict=True)), *sweep.writes, *sweep.sums)


def _at(sweep: Sweep, values: Values, t: int) -> dict[str, Any]:
    return {r.name: values[r.name][t] for r in sweep.reads}


def _add(found: dict[str, Any], name: str, value: Any) -> None:
    found[name] = found.get(name, 0.0) + value


def _transposed(matrix: Any, in_blocks: bool) -> Any:
    if not in_blocks:
        return matrix.T
    width = matrix.shape[1]
    return matrix.reshape(-1, width, width).swapaxes(1, 2).reshape(-1, width)
