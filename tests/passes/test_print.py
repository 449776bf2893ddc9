"""Plans and sweeps as text; and the printed adjoint, read back as Python, is the gradient."""

import re

import numpy as np
import pytest
from hypothesis import given, settings

from tests.ir.test_print import SPELLED, Matrix
from tests.random_cells import Numbers, graphs, numbers_for
from unspool.cells import built_in
from unspool.ir import StepGraph
from unspool.lang import Input, Output, State, cell, tanh
from unspool.lang import Matrix as Square
from unspool.passes import as_run, make_plan, print_adjoint, print_plan, print_sweep
from unspool.passes.fold import fold
from unspool.passes.print_names import reading
from unspool.passes.save import plan_training
from unspool.testing.interpreter import NUMPY, at_step, evaluate

GRU = """\
gru: x [I], h [H] → h [H]
prologue, for all steps at once
  W.r @ x, W.z @ x, W.n @ x   stacked: 3 products as one
loop, step after step
  stage 0   R.z @ h, R.r @ h, R.n @ h   stacked: 3 products as one
    r  = σ(b.r + bR.r + W.r @ x + R.r @ h)
    z  = σ(b.z + bR.z + W.z @ x + R.z @ h)
    v1 = bR.n + R.n @ h
    n  = tanh(b.n + W.n @ x + r ∘ v1)
    h' = (1 − z) ∘ n + z ∘ h
epilogue, for all steps at once
  nothing
scans
  none
saved for the adjoint
  r, z, v1, n: 16 bytes per step and unit (H) in float32, for each sequence
  read again where it lies: h"""

ELMAN = """\
adjoint of elman: carries ∂h
  ∂h' = ∂output + ∂h⁺
  δh' = ∂h' ∘ (1 − h' ∘ h')
  ∂h  = Rᵀ @ δh'
at every step it gives
  ∂(W @ x) = δh'
summed over steps and sequences
  ∂b  = Σ δh'
  ∂bR = Σ δh'
after the last step, one product for each
  ∂R = Σ δh' ⊗ h
(backwards in time; ∂h⁺ comes from the step after; δh' is the gradient of what the function in h' is applied to)"""


@cell
def read_out(x: Input, h: State, *, W: Square[Input], R: Square[State], C: Square[State]) -> tuple[State, Output]:
    h = tanh(W @ x + R @ h)
    return h, C @ h


def test_the_grus_plan():
    assert print_plan(make_plan(built_in()["gru"].graph)) == GRU


def test_an_elman_networks_adjoint():
    assert print_adjoint(make_plan(built_in()["elman"].graph)) == ELMAN


def test_a_readout_is_in_the_epilogue():
    text = print_plan(make_plan(read_out.graph))
    assert "epilogue, for all steps at once\n  C @ h'   one product\n  output = C @ h'\n" in text
    assert "∂h' = ∂outputs(h') + ∂h⁺" in print_adjoint(make_plan(read_out.graph))


def test_two_stages_are_in_order():
    text = print_plan(make_plan(built_in()["gru_reset_before"].graph))
    assert text.index("stage 0   R.z @ h, R.r @ h") < text.index("    r  = ") < text.index("stage 1   R.n @ (r ∘ h)")
    assert text.index("stage 1") < text.index("    n  = ")
    assert "  r, z, r ∘ h, n: 16 bytes" in text


def test_a_scan_is_told():
    text = print_plan(make_plan(built_in()["mingru"].graph))
    assert "scans\n  h' = a ∘ h + b with a = 1 − z, b = z ∘ n\n" in text
    assert "  nothing besides what is there: 0 bytes per step\n" in text


def test_numbers_are_counted_apart():
    text = print_plan(make_plan(built_in()["lstm_layernorm"].graph))
    assert re.search(r"\d+ bytes per step and unit \(H\) and \d+ bytes per step in float32", text)


@pytest.mark.parametrize("name", built_in())
def test_names_are_those_of_the_page(name: str):
    """No name by place is left, every equation has a line of its own, and none is very long."""
    plan = make_plan(as_run(built_in()[name].graph))
    for text in (print_plan(plan), print_adjoint(plan)):
        assert not re.search(r"[#\0]", text)
        lines = [line.split(" = ") for line in text.splitlines() if " = " in line and not line.startswith("  ∂(")]
        equations = [line for line in lines if "stage" not in line[0]]
        assert len({line[0] for line in equations}) == len(equations)
        assert max(len(right) for _, right, *_ in equations) < 130


def test_a_sweep_by_itself():
    forward = fold(make_plan(built_in()["elman"].graph)).forward
    head, equation = print_sweep(forward).splitlines()
    assert head == "elman: carries h'"
    assert re.fullmatch(r"  h' = tanh\(b \+ bR \+ W@x \+ R @ h\)", equation)
    assert print_sweep(plan_training(forward).adjoint).startswith("adjoint of elman: carries ∂h\n")


def test_comments_in_code_are_in_the_letters_of_the_page():
    told = reading(make_plan(built_in()["gru"].graph)).commented
    assert {"b.z", "W.z @ x", "z", "h'"} <= {n for _, n in told.forward.names}
    assert {"∂output", "∂h⁺", "δz", "∂z", "v1"} <= {n for _, n in told.adjoint.names}


class Transposable(Matrix):
    """A matrix that `Rᵀ` can be had of, block by block."""

    @property
    def transposed(self) -> Matrix:
        height, width = self.stored.shape
        blocks = self.stored.reshape(-1, width, width) if height % width == 0 and self.blocks else None
        return Matrix(self.stored.T if blocks is None else blocks.transpose(0, 2, 1).reshape(height, width))

    def __init__(self, stored: np.ndarray, blocks: bool):
        super().__init__(stored)
        self.blocks = blocks


def gradients(graph: StepGraph, numbers: Numbers, later: list[np.ndarray]) -> list[np.ndarray]:
    """∂ of the states by the printed equations, where `later` comes from the step after and nothing from outputs."""
    plan = make_plan(graph)
    told = reading(plan)
    reads = at_step(graph, numbers.inputs, 0, 0) | {
        s.name: v[0] for s, v in zip(graph.states, numbers.initial, strict=True)
    }
    values = evaluate(plan.graph, reads, numbers.parameters)
    scope = {"np": np, **NUMPY, "total": NUMPY["sum"], **reads}
    scope |= {name: values[p] for p, name in told.names.items()}
    for p in graph.parameters:
        parts = np.split(numbers.parameters[p.name], len(p.gates)) if p.gates else [numbers.parameters[p.name]]
        for gate, part in zip(p.gates or (None,), parts, strict=True):
            name = p.name if gate is None else f"{p.name}_{gate}"
            scope[name] = part if part.ndim < 2 else Transposable(part, "/" in p.shape[-1])
    scope = {identifier(name): value for name, value in scope.items()}
    sweep, _ = told.adjoint
    scope |= {identifier(s.name): g for s, g in zip(sweep.states, later, strict=True)}
    outer = {n.name for n in sweep.reads if n.name.startswith("∂output")}
    scope |= {identifier(name): 0.0 for name in outer}
    for line in print_adjoint(plan).splitlines()[1:]:
        if " = " not in line:
            break
        name, text = line.strip().split(" = ", 1)
        text = re.sub(r"(\w+(?:\.\w+)?)ᵀ", r"\1.transposed", text)
        for read in sorted(outer, key=len, reverse=True):
            text = text.replace(read, identifier(read))
        scope[identifier(name.strip())] = eval(identifier(text), scope)  # noqa: S307 - the text under test
    return [scope[identifier(s.name.removesuffix("⁺"))] for s in sweep.states]


def identifier(text: str) -> str:
    """`text` with what Python cannot read spelled out; W.r is W_r."""
    text = re.sub(r"∂outputs\((.*?)\)", r"∂outputs_\1", text) if text.startswith("∂outputs(") else text
    for written, python in SPELLED.items():
        text = text.replace(written, python)
    text = text.replace("∂", "d_").replace("⁺", "_later")
    return re.sub(r"\b([A-Za-z]\w*)\.(?!transposed|maximum|minimum)([A-Za-z]\w*)", r"\1_\2", text)


def true_gradient(graph: StepGraph, seed: int) -> None:
    """Σ given ∘ next states, along a direction of the states, changes as the printed gradients say."""
    numbers = numbers_for(graph, seed)
    rng = np.random.default_rng(seed)
    later = [rng.normal(size=v[0].shape) for v in numbers.initial]
    found = gradients(graph, numbers, later)
    directions = [rng.normal(size=v[0].shape) for v in numbers.initial]

    def total(step: float) -> float:
        moved = {s.name: v[0] + step * d for s, v, d in zip(graph.states, numbers.initial, directions, strict=True)}
        values = evaluate(graph, at_step(graph, numbers.inputs, 0, 0) | moved, numbers.parameters)
        return float(sum(np.sum(g * values[p]) for g, p in zip(later, graph.next_states, strict=True)))

    expected = (total(1e-6) - total(-1e-6)) / 2e-6
    stated = float(sum(np.sum(g * d) for g, d in zip(found, directions, strict=True)))
    assert stated == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", built_in())
def test_the_printed_adjoint_of_a_page_is_its_gradient(name: str):
    true_gradient(as_run(built_in()[name].graph), 1)


@settings(max_examples=25)
@given(graph=graphs(size=6))
def test_any_cell_can_be_printed(graph: StepGraph):
    plan = make_plan(graph)
    assert not re.search(r"[#\0]", print_plan(plan) + print_adjoint(plan))
