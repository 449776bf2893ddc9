"""The save plan: little is kept, each value once, and it is enough for the gradients over time."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.passes.sweeps import Values, folded, run_adjoint, run_forward, text, values_for
from unspool.backends.reference.sweep import run_sweep
from unspool.cells import built_in
from unspool.ir import Apply, Read, StepGraph
from unspool.ir.print import written
from unspool.lang import Input, Matrix, Output, State, cell, largest, layer_norm, relu, sigmoid, tanh, total
from unspool.passes import as_run
from unspool.passes.save import Training, plan_training, saved_values
from unspool.passes.sweep import Sweep

STEPS = 4


def trained(graph: StepGraph) -> Training:
    return plan_training(folded(graph).forward)


def saved(training: Training) -> list[str]:
    """What each saved value is: its name on the page, or how it is computed."""
    sweep = training.forward
    names = dict(sweep.names)
    texts = written(sweep.nodes, names)
    positions = [p for n, p in sweep.writes if n in training.saved]
    return sorted(names.get(p, texts[p]) for p in positions)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("elman", []),
        ("elman_relu", []),
        ("mingru", []),
        ("indrnn", []),
        ("gru", ["bR.n + R.n @ h", "r", "z"]),
        ("gru_reset_before", ["n", "r", "r ∘ h", "z"]),
        ("lstm", ["c'", "f", "g", "i", "o"]),
        ("lstm_peephole", ["c'", "f", "g", "i", "o"]),
        ("lstm_projection", ["c'", "f", "g", "i", "o", "o ∘ tanh(c')"]),
    ],
)
def test_what_a_page_saves(name: str, expected: list[str]):
    assert saved(trained(as_run(built_in()[name].graph))) == expected


def test_the_docstrings_counts():
    counts = {n: {k: len(v) for k, v in saved_values(trained(built_in()[n].graph)).items()} for n in ("lstm", "gru")}
    assert counts == {"lstm": {"H": 5}, "gru": {"H": 3}}


def test_layer_norms_save_means_and_deviations():
    """What W x and c' are normalised by is two numbers each: vectors are saved for R h only, less its mean, and for c'.

    The products R h are not: they are needed for their size alone.
    """
    training = trained(built_in()["lstm_layernorm"].graph)
    assert {letter: len(names) for letter, names in saved_values(training).items()} == {"H": 5, "": 5}
    assert not any(value in saved(training) for value in ("R.i @ h", "R.f @ h", "R.g @ h", "R.o @ h"))


@pytest.mark.parametrize("name", built_in())
def test_every_page_saves_each_value_once(name: str):
    training = trained(as_run(built_in()[name].graph))
    positions = [p for _, p in training.forward.writes]
    assert len(set(positions)) == len(positions)
    assert set(training.saved) <= {n for n, _ in training.forward.writes}
    read = {r.name for r in training.adjoint.reads}
    operands = {d.operand for d in training.deferred}
    after = {f"{n}'" for n in training.adjoint.shifted}
    assert set(training.saved) <= read | operands | after


@pytest.mark.parametrize("name", built_in())
def test_no_pages_adjoint_does_a_product_or_a_reduction_again(name: str):
    """Its products are with transposed matrices, its weights those; its reductions are of gradients."""
    sweep = trained(as_run(built_in()[name].graph)).adjoint
    again = []
    of_gradients = [isinstance(n, Read) and n.name.startswith("∂") for n in sweep.nodes]
    for position, node in enumerate(sweep.nodes):
        if isinstance(node, Apply):
            of_gradients[position] = any(of_gradients[a] for a in node.arguments)
            if node.operation in ("product", "sum", "largest") and not of_gradients[position]:
                again.append(node)
    assert again == []


def test_what_the_loop_writes_anyway_is_not_saved_again():
    @cell
    def shown(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> tuple[State, Output]:
        y = sigmoid(W @ x + R @ h)
        return y * h, y

    training = trained(shown.graph)
    assert training.saved == ("h'",)
    assert [name for name, _ in training.forward.writes[:1]] == [f"y#{folded(shown.graph).plan.graph.output}"]
    assert {r.name for r in training.adjoint.reads} >= {training.forward.writes[0][0], "h"}


def test_a_pointwise_value_is_computed_again_from_what_is_at_hand():
    @cell
    def cheap(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return sigmoid(tanh(h) * (W @ x)) * h

    training = trained(cheap.graph)
    assert training.saved == ()  # h' is the output: it is there anyway
    assert {r.name for r in training.adjoint.reads} == {"∂h'", "h", "W@x"}
    assert "σ(tanh(h) ∘ W@x)" in text(training.adjoint, "∂h")


def test_the_operand_of_a_product_is_saved_however_cheap():
    @cell
    def operand(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
        return W @ x + R @ relu(h)

    training = trained(operand.graph)
    assert saved(training) == ["relu(h)"]
    assert [d.operand for d in training.deferred] == list(training.saved)


def test_what_a_largest_unit_was_found_in_is_saved_however_cheap():
    """Whether a unit is the largest is told bit by bit, and s ∘ h can round otherwise when it is computed again."""

    @cell
    def compared(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return h * largest(2 * h) + W @ x

    assert set(saved(trained(compared.graph))) == {"2 ∘ h", "largest(2 ∘ h)"}


def test_a_number_is_saved_as_one():
    @cell
    def numbers(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
        return tanh(W @ x) * sigmoid(total(R @ h))

    training = trained(numbers.graph)
    assert {letter: len(names) for letter, names in saved_values(training).items()} == {"": 1}
    assert saved(training) == ["σ(total(R @ h))"]


@pytest.mark.parametrize("name", built_in())
def test_every_pages_gradients_over_time(name: str):
    forward = folded(as_run(built_in()[name].graph)).forward
    values = values_for(forward, 0, steps=STEPS)
    for read in forward.reads:
        values[read.name] = np.abs(values[read.name])  # what the prologue computes may be a variance
    gradients_over_time(forward, values, allowed=1e-12)


def test_gradients_through_reductions_sizes_and_one_matrix_twice():
    @cell
    def hard(x: Input, h: State, q: State, *, W: Matrix[Input], R: Matrix[State]) -> tuple[State, State]:
        a = layer_norm(R @ h)
        return tanh(R @ (a * q) + W @ x) + largest(3 * a), q * total(a * a * q) / 8

    forward = folded(hard.graph).forward
    gradients_over_time(forward, values_for(forward, 1, steps=STEPS), allowed=1e-10)


def gradients_over_time(forward: Sweep, values: Values, *, allowed: float) -> None:
    """The planned sweeps in NumPy against torch's autograd on the reference's time loop; `allowed` is relative."""
    training = plan_training(forward)
    written_then, final = run_forward(training.forward, values, STEPS)
    rng = np.random.default_rng(0)
    gradients = {f"∂{n}": rng.normal(size=written_then[n].shape) for n, _ in forward.writes}
    gradients |= {f"∂{n}": rng.normal(size=v.shape) for n, v in final.items()}
    found = run_adjoint(training, values, written_then, gradients, STEPS)
    for name, expected in torch_gradients(forward, values, gradients).items():
        gradient = np.asarray(found.get(name, np.zeros_like(expected)))
        if gradient.shape != expected.shape:  # of a number that is one at all steps
            gradient = gradient.sum()
        atol = allowed * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=atol, err_msg=name)


def torch_gradients(forward: Sweep, values: Values, gradients: Values) -> dict[str, Any]:
    leaves = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in values.items()}
    reads = {r.name: leaves[r.name].reshape(STEPS, 1, -1) for r in forward.reads}
    initial = [leaves[s.name][None] for s in forward.states]
    writes, final = run_sweep(forward, reads, leaves, initial, steps=STEPS)
    results = dict(zip((n for n, _ in forward.writes), writes, strict=True))
    results |= dict(zip((s.name for s in forward.states), final, strict=True))
    loss = sum((v * torch.tensor(gradients[f"∂{n}"]).view_as(v)).sum() for n, v in results.items())
    assert isinstance(loss, torch.Tensor)
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {
        f"∂{n}": np.zeros(v.shape) if g is None else g.numpy() for (n, v), g in zip(leaves.items(), found, strict=True)
    }
