"""Jacobians from the tangent are those of torch.func.jacfwd through the reference, for any cell."""

from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from tests.kinds import KINDS
from tests.random_cells import SIZES, graphs, numbers_for
from unspool.cells import built_in
from unspool.ir import StepGraph
from unspool.passes import as_run
from unspool.runtime import Blocks, Jacobian, identity_blocks, kernel_for, tangent_blocks, tangent_steps
from unspool.testing.tolerances import tolerance

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

N, T, K = 3, 4, 2
ALLOWED = tolerance(torch.float64, T, scale=100)


class Case:
    """A cell with values for N states; the input that moves is its vector."""

    def __init__(self, graph: StepGraph, seed: int = 0) -> None:
        self.graph = graph
        numbers = numbers_for(graph, seed, steps=T, batch=N, sizes=dict.fromkeys(graph.sizes, 2) | SIZES)
        self.inputs = {n: torch.tensor(v) for n, v in numbers.inputs.items()}
        self.parameters = {n: torch.tensor(v) for n, v in numbers.parameters.items()}
        self.states = [torch.tensor(v).abs() for v in numbers.initial]  # slstm's normaliser is not negative
        self.sizes = [s.shape[1] for s in self.states]
        (self.x,) = (v.name for v in graph.vector_inputs)

    def step(self, states: list[Tensor], t: int = 0, inputs: dict[str, Tensor] | None = None) -> list[Tensor]:
        """The next states and the output."""
        inputs = inputs or {n: v[t : t + 1] for n, v in self.inputs.items()}
        output, finals = kernel_for(self.graph, "reference")(inputs, self.parameters, states)
        return [*finals, output[0]]

    def expected(self) -> tuple[Tensor, Tensor]:
        """The derivatives [N, rows, ·] by the states and by x."""

        def results(joined: Tensor, x: Tensor, others: dict[str, Tensor]) -> Tensor:
            inputs = {**others, self.x: x[None, None]}
            found = self.step([s[None] for s in joined.split(self.sizes)], inputs=inputs)
            return torch.cat([f[0] for f in found])

        others = {n: v[0][:, None, None] for n, v in self.inputs.items() if n != self.x}
        derive = torch.func.vmap(torch.func.jacfwd(results, argnums=(0, 1)))
        return derive(torch.cat(self.states, -1), self.inputs[self.x][0], others)

    def jacobian(self, t: int = 0, states: list[Tensor] | None = None) -> Jacobian:
        """By states and then x."""
        states, x = states or self.states, self.inputs[self.x][t]
        firsts = [0, *accumulate([*self.sizes, x.shape[1]])][:-1]
        widths = [*self.sizes, x.shape[1]]
        names = [*(s.name for s in self.graph.states), self.x]
        moving = {n: identity_blocks(w, f, x) for n, w, f in zip(names, widths, firsts, strict=True)}
        now = {n: v[t] for n, v in self.inputs.items()}
        following, output = tangent_blocks(self.graph, now, self.parameters, states, moving)
        results = [(s, f) for s, f in zip(self.sizes, following, strict=True)]
        results.append((self.step(self.states)[-1].shape[1], output))
        return Jacobian(tuple(results), tuple(zip(firsts, widths, strict=True)))

    def check(self) -> None:
        by_states, by_x = self.expected()
        expected = torch.cat([by_states, by_x], -1)
        found = self.jacobian()
        torch.testing.assert_close(found.dense(self.states[0]), expected, rtol=0, atol=ALLOWED)
        columns = torch.randn(N, expected.shape[-1], K, dtype=torch.float64)
        formed = found.formed(self.states[0])
        torch.testing.assert_close(formed @ columns, expected @ columns, rtol=0, atol=ALLOWED)
        part = slice(1, 3)
        torch.testing.assert_close(
            formed.part(part) @ columns[part], expected[part] @ columns[part], rtol=0, atol=ALLOWED
        )
        torch.testing.assert_close(found.part(part).dense(self.states[0][part]), expected[part], rtol=0, atol=ALLOWED)

    def check_steps(self) -> None:
        """K columns of each sequence carried through T steps, with the input moving and without."""
        tangents = [torch.randn(N, K, size, dtype=torch.float64) for size in self.sizes]
        moving = torch.randn(T, N, K, self.inputs[self.x].shape[-1], dtype=torch.float64)
        size = self.step(self.states)[-1].shape[1]
        rows, states, along, outputs = torch.cat(tangents, -1), self.states, [], []
        for t in range(T):
            along.append(states)
            result = torch.cat([rows, moving[t]], -1) @ self.jacobian(t, states).dense(states[0]).mT
            rows, output = result.split([result.shape[-1] - size, size], -1)
            outputs.append(output)
            states = self.step(states, t)[:-1]
        given = (self.graph, self.inputs, self.parameters, [torch.stack(s) for s in zip(*along, strict=True)], tangents)
        output, finals = tangent_steps(*given, {self.x: moving})
        allowed = ALLOWED * max(1.0, float(rows.abs().max()), float(torch.stack(outputs).abs().max()))
        torch.testing.assert_close(torch.cat(finals, -1), rows, rtol=0, atol=allowed)
        torch.testing.assert_close(output, torch.stack(outputs), rtol=0, atol=allowed)
        still, finals = tangent_steps(*given, {self.x: torch.zeros_like(moving)})
        alone, others = tangent_steps(*given)
        torch.testing.assert_close(alone, still, rtol=0, atol=allowed)
        torch.testing.assert_close(others, finals, rtol=0, atol=allowed)


@pytest.mark.parametrize("name", KINDS)
def test_a_cells_jacobian(name: str):
    Case(as_run(built_in()[name].graph)).check()


@pytest.mark.parametrize("name", ["elman_linear", "lstm", "lem", "lstm_layernorm", "slstm"])
def test_columns_carried_by_compiled_code(name: str):
    Case(as_run(built_in()[name].graph)).check_steps()


@settings(max_examples=60)
@given(graph=graphs())
def test_any_cells_jacobian(graph: StepGraph):
    Case(graph).check()


@settings(max_examples=15)
@given(graph=graphs())
def test_columns_carried_by_the_reference(graph: StepGraph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNSPOOL_BACKEND", "reference")
        Case(graph).check_steps()


def test_of_an_lstm_vectors_are_computed_alone():
    """∂c'/∂c is a diagonal, what stands before the recurrent matrices differs between states, and they do not."""
    case = Case(built_in()["lstm"].graph)
    (_, by_h), (_, by_c), _ = case.jacobian().rows
    for blocks, count in ((by_h, 4), (by_c, 3)):
        cells, hidden = blocks[SIZES["H"]], blocks[0]
        assert [t.matrix for t in cells] == [None]
        assert [tuple(t.matrix.shape) for t in hidden if t.matrix is not None] == [(SIZES["H"], SIZES["H"])] * count


def test_what_does_not_matter_is_not_there():
    case = Case(built_in()["cornn"].graph)
    (_, y), (_, z), _ = case.jacobian().rows
    assert len(y) == len(z) == 3
    (_, h), _ = Case(built_in()["mingru"].graph).jacobian().rows
    assert [t.matrix for t in h[0]] == [None]
    assert Blocks() == {}


@pytest.mark.parametrize("name", ["gru", "lem", "lstm_layernorm"])
def test_the_jacobian_has_derivatives(name: str):
    case = Case(as_run(built_in()[name].graph))
    (key, *_), states = (n for n in case.parameters if case.parameters[n].dim() == 2), case.states

    def of(weights: Tensor, *states: Tensor) -> Tensor:
        case.parameters[key] = weights
        return case.jacobian(0, list(states)).dense(states[0])

    given = [v.clone().requires_grad_() for v in (case.parameters[key], *states)]
    assert torch.autograd.gradcheck(of, given, fast_mode=True)


def test_carried_columns_have_derivatives():
    """Those of the compiled tangent by the weights are those of the Jacobians' product."""
    case, size = Case(built_in()["gru"].graph), SIZES["H"]
    R = case.parameters["R"] = case.parameters["R"].requires_grad_()
    before, rows = torch.randn(T, N, size, dtype=torch.float64), torch.randn(N, K, size, dtype=torch.float64)
    _, (carried,) = tangent_steps(case.graph, case.inputs, case.parameters, [before], [rows])
    for t in range(T):
        rows = rows @ case.jacobian(t, [before[t]]).dense(before[t])[:, :size, :size].mT
    found, expected = (torch.autograd.grad(v.square().sum(), R)[0] for v in (carried, rows))
    torch.testing.assert_close(found, expected, rtol=0, atol=ALLOWED)


def test_in_another_dtype():
    case = Case(built_in()["gru"].graph)
    expected = case.expected()[0].float()
    case.inputs, case.parameters = ({n: v.float() for n, v in d.items()} for d in (case.inputs, case.parameters))
    case.states = [s.float() for s in case.states]
    found = case.jacobian().dense(case.states[0])[..., : SIZES["H"]]
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance(torch.float32, 1))
