"""Gradients that come of products inside the adjoint are those that come of products after it, and the reference's."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.kinds import KINDS
from unspool.backends.llvm import kernel as kernel_module
from unspool.cells import built_in
from unspool.lang import Cell, Gates, Input, Matrix, Output, Scalar, State, Vector, cell, mean, sigmoid, tanh
from unspool.nn import Recurrent
from unspool.passes import as_run
from unspool.runtime import kernel_for
from unspool.runtime.compiled import CompiledKernel, collecting, forward
from unspool.runtime.compiled.cell import CompiledCell
from unspool.runtime.compiled.words import Words
from unspool.testing.tolerances import tolerance

B, T, I, H = 5, 7, 5, 6  # noqa: E741 - the axes' letters


@cell
def tied(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
    """One matrix twice in a step."""
    return tanh(W @ x + R @ tanh(R @ h))


@cell(gates="outside inside")
def read_out(x: Input, h: State, *, W: Matrix[Input], R: Gates[State]) -> tuple[State, Output]:
    """A matrix half of which is multiplied after the loop, where sequences are few."""
    h = tanh(W @ x + R.inside @ h)
    return h, R.outside @ h


@cell(gates="used idle")
def partly(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Gates, s: Scalar, v: Vector) -> State:
    """A vector half of which nothing reads, a number that every unit reads, and a vector that units never see."""
    return tanh(W @ x + sigmoid(s) * (R @ h) + b.used * h + mean(v))


def gradients(
    name: str | Cell, batch: int = B, *, steps: int = T, plain: bool = False, frozen: str | None = None
) -> dict[str, Tensor]:
    """Every gradient of bidirectional ragged sequences with resets; `plain` is one direction, all of them whole."""
    torch.manual_seed(0)
    graph = built_in()[name].graph if isinstance(name, str) else name.graph
    sizes = dict.fromkeys(graph.sizes - {"I", "H"}, 3)
    layer = Recurrent(name, I, H, sizes=sizes, dtype=torch.float64, learn_initial_state=True, bidirectional=not plain)
    x = torch.randn(batch, steps, I, dtype=torch.float64, requires_grad=True)
    leaves = {"x": x} | dict(layer.named_parameters())
    for state in graph.states:
        getattr(layer, f"initial_{state.name}").data.uniform_(-1, 1)
    if frozen:
        leaves.pop(frozen).requires_grad_(False)
    if plain:
        output, final = layer(x)
    else:
        reset = torch.arange(batch * steps).view(batch, steps) % 5 == 0
        output, final = layer(x, lengths=1 + torch.arange(batch) * 3 % steps, reset=reset)
    loss = output.square().sum() + sum(s.sin().sum() for s in final)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for what, value in found.items():
        scale = float(wanted[what].abs().max()) or 1.0
        assert float((value - wanted[what]).abs().max()) / scale < tolerance(torch.float64, T), what


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products run before and after the sweep, as they do where matrices are large."""
    monkeypatch.setattr(collecting, "_LARGEST", 0)
    monkeypatch.setattr(collecting, "_LARGEST_OF_INPUT", 0)
    monkeypatch.setattr(forward, "_FEW", 0)
    monkeypatch.setattr(CompiledCell, "laid_out", lambda self, key, lay_out: lay_out())


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many there are in each call that is laid out."""
    counts: list[int] = []
    bound = Words.bound

    def counted(self: Words, *given: Any):
        counts.append(len(self._jobs))
        return bound(self, *given)

    monkeypatch.setattr(Words, "bound", counted)
    monkeypatch.setattr(CompiledCell, "laid_out", lambda self, key, lay_out: lay_out())
    return counts


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_products_after_the_sweep(
    name: str, plain: bool, after: None, jobs: list[int], monkeypatch: pytest.MonkeyPatch
):
    """The other tests have small matrices, whose gradients are had inside."""
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    found = gradients(name, plain=plain)
    assert not any(jobs)
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    same(found, gradients(name, plain=plain))


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("batch", [1, 2, 5, 70])
@pytest.mark.parametrize(
    "name", ["lstm", "gru_reset_before", "mingru", tied, read_out], ids=lambda c: getattr(c, "name", c)
)
def test_any_number_of_threads_and_sequences(
    name: str | Cell, batch: int, plain: bool, threads: int, jobs: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    found = gradients(name, batch, plain=plain)
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    same(found, gradients(name, batch, plain=plain))
    assert any(jobs)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("steps", [13, 14, 40])
@pytest.mark.parametrize("features", [1, 2, 5])
def test_a_ring_that_is_gone_round(features: int, steps: int, plain: bool, monkeypatch: pytest.MonkeyPatch):
    """Thirteen steps of five sequences are worth a product. A narrow matrix is spread out the other way."""
    monkeypatch.setattr(f"{__name__}.I", features)
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    found = gradients("lstm", steps=steps, plain=plain)
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    same(found, gradients("lstm", steps=steps, plain=plain))


@pytest.mark.parametrize(("largest", "kept"), [(1 << 18, 0), (4 * H * H * 8 - 1, 1), (0, 1)])
def test_what_nobody_reads_after_the_sweep_is_no_tensor(largest: int, kept: int, monkeypatch: pytest.MonkeyPatch):
    """An LSTM's δ, which is one: it is read where R, or both matrices, wait."""
    made, bound = list[list[tuple[int, ...]]](), Words.bound

    def seen(self: Words, *given: Any):
        found = bound(self, *given)
        made.append([new[0] for new in found.new if new is not None])
        return found

    monkeypatch.setattr(Words, "bound", seen)
    monkeypatch.setattr(CompiledCell, "laid_out", lambda self, key, lay_out: lay_out())
    monkeypatch.setattr(collecting, "_LARGEST", largest)
    gradients("lstm", plain=True)
    assert made[-1].count((T, B, 4 * H)) == kept


@pytest.mark.parametrize("batch", [3, 70])
def test_of_numbers_and_of_vectors_that_are_not_all_read(batch: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    found = gradients(partly, batch)
    assert not found["b_l0"][H:].any()
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    same(found, gradients(partly, batch))


def test_a_matrix_twice_in_a_step_has_two_jobs(jobs: list[int]):
    gradients(tied, plain=True)
    assert jobs == [0, 4]


def test_an_lstm_has_a_job_for_each_matrix_and_one_for_its_input(jobs: list[int]):
    gradients("lstm", plain=True)
    assert jobs == [0, 3]


@pytest.mark.parametrize(("frozen", "count"), [("W_l0", 2), ("R_l0", 2), ("b_l0", 3), ("x", 2)])
def test_what_nobody_wants_is_not_computed(frozen: str, count: int, jobs: list[int]):
    everything = gradients("lstm", plain=True)
    found = gradients("lstm", plain=True, frozen=frozen)
    assert jobs[-1] == count
    assert found.keys() == everything.keys() - {frozen}
    same(found, {k: v for k, v in everything.items() if k != frozen})


def test_large_matrices_wait(jobs: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(collecting, "_LARGEST", 4 * H * H * 8 - 1)
    gradients("lstm", plain=True)
    assert jobs == [0, 2], "R waits"


def test_the_sums_of_many_short_sequences_would_be_too_many(jobs: list[int], monkeypatch: pytest.MonkeyPatch):
    sums = 2 * 4 * H * (H + I) * 8
    monkeypatch.setattr(collecting, "_MOST_SUMS", sums)
    gradients("lstm", 128, plain=True)
    gradients("lstm", 129, plain=True)
    assert jobs == [0, 3, 0, 1], "x alone"


def test_units_that_threads_share_are_not_collected(threads: int):
    """One sequence of a diagonal cell: each thread has some of the units of every step."""
    kernel = kernel_for(as_run(built_in()["indrnn"].graph), "llvm")
    assert isinstance(kernel, CompiledKernel)
    code = kernel.cell.kernel("adjoint", torch.float32)
    sizes = dict.fromkeys(code.arguments.letters, 4096)
    assert Words(code, sizes, 512, 1, 0, -1, 0).can_collect == (threads == 1)


@pytest.mark.parametrize(("batch", "collects"), [(127, True), (140, False)])
def test_a_team_with_more_sequences_than_there_is_room_for(
    batch: int, collects: bool, jobs: list[int], monkeypatch: pytest.MonkeyPatch
):
    """On a machine of hundreds of threads all of them share one chunk."""
    monkeypatch.setattr(kernel_module, "_MOST_ROWS", 1000)
    gradients("lstm", batch, plain=True)
    assert bool(jobs[-1]) == collects
