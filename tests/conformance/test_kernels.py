"""Every backend × cell × dtype against the step graph read in NumPy: whatever a layer may ask of a kernel.

A new cell or backend is tested here without an edit.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.interpreter import run
from tests.random_cells import Numbers, numbers_for
from tests.tolerances import tolerance
from unspool.cells import built_in
from unspool.ir import StepGraph
from unspool.runtime.dispatch import BACKENDS, kernel_for

CELLS = {name: cell.graph for name, cell in built_in().items()}
DTYPES = [torch.float64, torch.float32]

pytestmark = [
    pytest.mark.parametrize("backend", BACKENDS),
    pytest.mark.parametrize("graph", CELLS.values(), ids=CELLS.keys()),
]


@dataclass(frozen=True)
class Case:
    """What a kernel is asked: sizes, and what happens over time."""

    steps: int = 7
    batch: int = 3
    units: tuple[int, int, int, int] = (5, 6, 3, 2)  # I, H, P, N
    lengths: tuple[int, ...] | None = None
    resets: tuple[tuple[int, int], ...] | None = None  # (t, b)
    reverse: bool = False

    def numbers(self, graph: StepGraph) -> Numbers:
        return numbers_for(
            graph, 1, steps=self.steps, batch=self.batch, sizes=dict(zip("IHPN", self.units, strict=True))
        )

    def reset(self) -> np.ndarray | None:
        if self.resets is None:
            return None
        reset = np.zeros((self.steps, self.batch), dtype=bool)
        for t, b in self.resets:
            reset[t, b] = True
        return reset


RAGGED = Case(lengths=(7, 1, 4))
RESET = Case(resets=((0, 0), (3, 0), (4, 0), (6, 1), (0, 2)))
CASES = {
    "plain": Case(),
    "one step": Case(steps=1),
    "one of everything": Case(steps=2, batch=1, units=(1, 1, 1, 1)),
    "no units in common": Case(units=(1, 8, 2, 4)),
    "ragged": RAGGED,
    "reset": RESET,
    "ragged and reset": replace(RESET, lengths=(5, 7, 2), resets=(*(RESET.resets or ()), (5, 0), (2, 2), (6, 2))),
}
BOTH_WAYS = {
    f"{name}{', reversed' * reverse}": replace(case, reverse=reverse)
    for name, case in CASES.items()
    for reverse in (False, True)
}


def tensors(arrays: Any, dtype: torch.dtype) -> Any:
    if isinstance(arrays, dict):
        return {k: torch.tensor(v, dtype=dtype) for k, v in arrays.items()}
    return [torch.tensor(v, dtype=dtype) for v in arrays]


def call(backend: str, graph: StepGraph, case: Case, numbers: Numbers, dtype: torch.dtype, inputs: Any = None):
    reset = case.reset()
    return kernel_for(graph, backend)(
        tensors(numbers.inputs, dtype) if inputs is None else inputs,
        tensors(numbers.parameters, dtype),
        tensors(numbers.initial, dtype),
        lengths=None if case.lengths is None else torch.tensor(case.lengths),
        reset=None if reset is None else torch.tensor(reset),
        rest=None if reset is None else tensors(numbers.rest, dtype),
        reverse=case.reverse,
    )


def expect(graph: StepGraph, case: Case, numbers: Numbers) -> tuple[np.ndarray, list[np.ndarray]]:
    lengths = None if case.lengths is None else list(case.lengths)
    return run(
        graph, numbers.inputs, numbers.parameters, numbers.initial,
        lengths=lengths, reset=case.reset(), rest=numbers.rest, reverse=case.reverse,
    )  # fmt: skip


def close(found: Tensor, expected: np.ndarray, dtype: torch.dtype, steps: int) -> None:
    assert found.dtype == dtype
    allowed = tolerance(dtype, steps, scale=float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found.detach().double().numpy(), expected, rtol=0, atol=allowed)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("case", BOTH_WAYS.values(), ids=BOTH_WAYS.keys())
def test_outputs_and_final_states(backend: str, graph: StepGraph, case: Case, dtype: torch.dtype):
    numbers = case.numbers(graph)
    output, final = call(backend, graph, case, numbers, dtype)
    expected_output, expected_final = expect(graph, case, numbers)
    close(output, expected_output, dtype, case.steps)
    assert len(final) == len(expected_final)
    for found, expected in zip(final, expected_final, strict=True):
        close(found, expected, dtype, case.steps)


@pytest.mark.parametrize("case", [RAGGED, replace(RAGGED, reverse=True)], ids=["forward", "reversed"])
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e30])
def test_padding_may_hold_anything(backend: str, graph: StepGraph, case: Case, poison: float):
    """Values, final states and gradients of a poisoned batch are those of a clean one, bit by bit."""
    numbers = case.numbers(graph)
    beyond = np.arange(case.steps)[:, None] >= np.array(case.lengths)

    def results(filling: float) -> list[Tensor]:
        filled = {k: np.where(beyond[..., None], filling, v) for k, v in numbers.inputs.items()}
        inputs = {k: torch.tensor(v, requires_grad=True) for k, v in filled.items()}
        parameters = {k: v.requires_grad_() for k, v in tensors(numbers.parameters, torch.float64).items()}
        output, final = kernel_for(graph, backend)(
            inputs,
            parameters,
            tensors(numbers.initial, torch.float64),
            lengths=torch.tensor(case.lengths),
            reverse=case.reverse,
        )
        loss = output.square().sum() + sum(f.sin().sum() for f in final)
        return [output, *final, *torch.autograd.grad(loss, [*inputs.values(), *parameters.values()])]

    for clean, poisoned in zip(results(0.0), results(poison), strict=True):
        assert torch.equal(clean, poisoned)
        assert clean.isfinite().all()


@pytest.mark.parametrize("reverse", [False, True])
def test_an_empty_batch(backend: str, graph: StepGraph, reverse: bool):
    case = Case(batch=0, reverse=reverse)
    numbers = case.numbers(graph)
    output, final = call(backend, graph, case, numbers, torch.float32)
    assert output.shape == (7, 0, {"H": 6, "P": 3}[graph.output_size])
    assert [f.shape for f in final] == [s.shape for s in numbers.initial]


@pytest.mark.parametrize("layout", ["batch first", "every other", "expanded"])
def test_an_input_of_any_layout(backend: str, graph: StepGraph, layout: str):
    case = Case()
    numbers = case.numbers(graph)
    inputs = tensors(numbers.inputs, torch.float64)
    match layout:
        case "batch first":
            inputs = {k: x.transpose(0, 1).contiguous().transpose(0, 1) for k, x in inputs.items()}
        case "every other":
            inputs = {k: x.repeat_interleave(2, 2)[..., ::2] for k, x in inputs.items()}
        case _:
            inputs = {k: x[:, :1].expand(-1, 3, -1) for k, x in inputs.items()}
            numbers = replace(numbers, inputs={k: np.repeat(x[:, :1], 3, 1) for k, x in numbers.inputs.items()})
    assert not any(x.is_contiguous() for x in inputs.values())
    found, _ = call(backend, graph, case, numbers, torch.float64, inputs)
    close(found, expect(graph, case, numbers)[0], torch.float64, case.steps)


SMALL = Case(steps=3, batch=2, units=(2, 4, 3, 2), lengths=(3, 2), resets=((1, 0),))


def differentiable(backend: str, graph: StepGraph, case: Case) -> tuple[Any, list[Tensor]]:
    """The kernel as a function of the inputs, the parameters, the initial states and those to reset to."""
    numbers = case.numbers(graph)
    inputs, names, states = list(numbers.inputs), list(numbers.parameters), len(numbers.initial)
    given = [*numbers.inputs.values(), *numbers.parameters.values(), *numbers.initial, *numbers.rest]

    def function(*arguments: Tensor) -> tuple[Tensor, ...]:
        read, others = arguments[: len(inputs)], arguments[len(inputs) :]
        reset = case.reset()
        output, final = kernel_for(graph, backend)(
            dict(zip(inputs, read, strict=True)),
            dict(zip(names, others, strict=False)),
            others[len(names) : len(names) + states],
            lengths=None if case.lengths is None else torch.tensor(case.lengths),
            reset=None if reset is None else torch.tensor(reset),
            rest=others[len(names) + states :],
            reverse=case.reverse,
        )
        return (output, *final)

    return function, [torch.tensor(v, requires_grad=True) for v in given]


@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_finite_differences(backend: str, graph: StepGraph, reverse: bool):
    function, arguments = differentiable(backend, graph, replace(SMALL, reverse=reverse))
    assert torch.autograd.gradcheck(function, arguments)


def test_second_derivatives_are_finite_differences(backend: str, graph: StepGraph):
    tiny = Case(steps=2, batch=1, units=(1, 2, 1, 2))
    function, arguments = differentiable(backend, graph, tiny)
    states = len(graph.states)
    function_of_used = lambda *used: function(*used, *arguments[-states:])  # noqa: E731 - nothing is reset here
    assert torch.autograd.gradgradcheck(function_of_used, arguments[:-states])


@pytest.mark.parametrize("case", BOTH_WAYS.values(), ids=BOTH_WAYS.keys())
def test_single_precision_gradients(backend: str, graph: StepGraph, case: Case):
    """Each gradient in float32 against the reference in float64."""
    gradients = []
    for which, dtype in (("reference", torch.float64), (backend, torch.float32)):
        function, arguments = differentiable(which, graph, case)
        arguments = [a.detach().to(dtype).requires_grad_() for a in arguments]
        loss = sum((r * torch.linspace(-1, 1, r.numel()).view_as(r)).sum() for r in function(*arguments))
        assert isinstance(loss, Tensor)
        gradients.append(torch.autograd.grad(loss, arguments, allow_unused=True))
    for expected, found in zip(*gradients, strict=True):
        assert (expected is None) == (found is None)
        if expected is not None:
            close(found, expected.numpy(), torch.float32, case.steps)


def test_a_kernel_is_made_once(backend: str, graph: StepGraph):
    assert kernel_for(graph, backend) is kernel_for(graph, backend)
