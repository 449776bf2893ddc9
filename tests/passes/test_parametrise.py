"""A matrix that a page makes of learned ones is a parameter of the step that runs, and the chain rule reaches them."""

from typing import Annotated

import pytest
import torch
from torch import Tensor

from unspool.cells import find_cell
from unspool.errors import CellError
from unspool.ir import Apply, check_graph, graph_from_json, graph_to_json, print_graph
from unspool.lang import Gates, Input, Map, Matrix, Scalar, Sized, State, Symbol, cell, expm, identity, softplus, tanh
from unspool.nn import Recurrent
from unspool.passes import as_run, parametrised

Small = Annotated[Symbol, Sized("P")]


@cell(gates="a b")
def made(
    x: Input,
    h: State,
    *,
    W: Gates[Input],
    R: Gates[State],
    L: Map[Small, State],
    K: Map[State, Small],
    g: Scalar,
) -> State:
    low = L @ K
    return tanh(W.a @ x + (R.a - R.a.T - softplus(g) * identity(R.a)) @ h + (low * R.b) @ tanh(W.b @ x))


def written_out(x: Tensor, p: dict[str, Tensor]) -> Tensor:
    """The cell `made` in torch, step by step, as its page has it."""
    W, R = p["W"].chunk(2), p["R"].chunk(2)
    K = R[0] - R[0].T - torch.nn.functional.softplus(p["g"]) * torch.eye(len(R[0]), dtype=x.dtype)
    M = (p["L"] @ p["K"]) * R[1]
    h, outputs = x.new_zeros(len(x), len(R[0])), []
    for now in x.unbind(1):
        h = torch.tanh(now @ W[0].T + h @ K.T + torch.tanh(now @ W[1].T) @ M.T)
        outputs.append(h)
    return torch.stack(outputs, 1)


def test_it_reads():
    assert print_graph(made.graph).splitlines()[2:] == [
        "  low = L @ K",
        "  h'  = tanh(W.a @ x + (R.a − R.aᵀ − softplus(g) ∘ I(R.a)) @ h + low ∘ R.b @ tanh(W.b @ x))",
    ]
    after = parametrised(made.graph)
    assert print_graph(after.graph).splitlines()[1:] == [
        "W [2·H, I]  M1 [H, H]  M2 [H, H]   gates a b",
        "  h' = tanh(W.a @ x + M1 @ h + M2 @ tanh(W.b @ x))",
    ]
    assert [p.name for p in after.stored] == ["W", "R", "L", "K", "g"]


@pytest.mark.parametrize("backend", ["reference", "llvm"])
def test_values_and_gradients_are_those_of_the_step_written_out(backend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", backend)
    torch.manual_seed(0)
    layer = Recurrent(made, 3, 5, sizes={"P": 2}).double()
    x = torch.randn(2, 7, 3, dtype=torch.double, requires_grad=True)
    stored = layer.stored_parameters(0)
    results = []
    for output in (layer(x)[0], written_out(x, stored)):
        results.append((output, *torch.autograd.grad(output.square().sum(), [x, *stored.values()])))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_page_without_made_matrices_is_left_as_it_is():
    graph = find_cell("lstm").graph
    assert as_run(graph) is graph
    assert parametrised(graph).made == ()


def test_a_made_matrix_survives_json():
    graph = made.graph
    assert check_graph(graph_from_json(graph_to_json(graph))) == graph


def test_no_kernel_sees_a_matrix_being_made():
    for name in ("exprnn", "antisymmetric", "clockwork"):
        graph = as_run(find_cell(name).graph)
        assert not any(isinstance(n, Apply) and len(n.shape) == 2 for n in graph.nodes)


def test_layers_and_directions_make_their_own():
    layer = Recurrent("exprnn", 3, 4, 2, bidirectional=True).double()
    for suffix in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        A = getattr(layer, f"A{suffix}")
        torch.testing.assert_close(layer._layer_parameters(suffix)["U"], torch.matrix_exp(A - A.T))


def exponential_of_blocks() -> None:
    from unspool.lang import Blocks

    Heads = Annotated[Symbol, Blocks("N")]

    @cell
    def page(x: Input, h: State, *, D: Matrix[Heads]) -> State:  # pyright: ignore[reportInvalidTypeForm]
        return tanh(expm(D) @ h)


def product_of_two_that_do_not_fit() -> None:
    @cell
    def page(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
        return tanh((W @ R) @ h)


def sum_of_two_that_do_not_fit() -> None:
    @cell
    def page(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
        return tanh((W + R) @ h)


def matrix_times_vector_entry_by_entry() -> None:
    @cell
    def page(x: Input, h: State, *, R: Matrix[State]) -> State:
        return tanh(R * h)


def matrix_of_a_state() -> None:
    from unspool.lang import total

    @cell
    def page(x: Input, h: State, *, R: Matrix[State]) -> State:
        return tanh((R * total(h)) @ h)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (exponential_of_blocks, "expm: [H, H/N] is not a square matrix"),
        (product_of_two_that_do_not_fit, "[H, I] @ [H, H] does not fit"),
        (sum_of_two_that_do_not_fit, "[H, I] and [H, H] cannot be combined"),
        (matrix_times_vector_entry_by_entry, "[H, H] and [H] cannot be combined"),
        (matrix_of_a_state, "a matrix is made of an input or a state"),
    ],
)
def test_what_cannot_be_made_is_said(page, said: str):
    with pytest.raises(CellError, match="cell 'page'") as error:
        page()
    assert said in str(error.value)
