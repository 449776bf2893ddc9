"""With checkpoint_every a layer gives what it gives without, by less memory."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.laws.test_recurrent_laws import B, T, build, every_cell, same, series, states
from tests.nn.test_recurrent import irregular
from unspool.lang import Cell
from unspool.nn import Recurrent

BACKENDS = ["reference", "llvm"]


def everything(layer: Recurrent, x: Tensor, initial: tuple[Tensor, ...] | None, **options: Any) -> list[Tensor]:
    """Output, final states, and the gradients by x, the initial states and every parameter of a sum that tells all."""
    inputs = [t.detach().clone().requires_grad_() for t in (x, *(initial or ()))]
    output, final = layer(inputs[0], tuple(inputs[1:]) or None, **options)
    results = [output, *final]
    weights = [torch.cos(torch.arange(r.numel(), dtype=r.dtype)).view(r.shape) for r in results]
    total = torch.stack([(r * w).sum() for r, w in zip(results, weights, strict=True)]).sum()
    by = [*inputs, *layer.parameters()]
    gradients = torch.autograd.grad(total, by, allow_unused=True)
    return [*results, *(torch.zeros_like(b) if g is None else g for b, g in zip(by, gradients, strict=True))]


def alike(layer: Recurrent, every: int, *arguments: Any, **options: Any) -> None:
    layer.checkpoint_every = None
    whole = everything(layer, *arguments, **options)
    layer.checkpoint_every = every
    same(everything(layer, *arguments, **options), whole)


@pytest.fixture(params=BACKENDS, autouse=True)
def _backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", request.param)


@every_cell
@pytest.mark.parametrize("every", [1, 4])
def test_chunks_are_the_whole(cell: Cell, every: int):
    layer = build(cell, num_layers=2, bidirectional=True)
    alike(layer, every, series(), states(layer))


@pytest.mark.parametrize("name", ["gru", "lstm", "slstm", "lem", "mingru", "lstm_projection"])
@settings(max_examples=6)
@given(
    lengths=st.lists(st.integers(1, T), min_size=B, max_size=B),
    resets=st.lists(st.booleans(), min_size=B * T, max_size=B * T),
    given_states=st.booleans(),
    every=st.integers(1, T - 1),
    seed=st.integers(0, 1000),
)
def test_ragged_and_reset(name: str, lengths: list[int], resets: list[bool], given_states: bool, every: int, seed: int):
    """In both directions, with NaN for padding and a learned initial state."""
    layer = build(name, num_layers=2, bidirectional=True, learn_initial_state=True)
    x, reset = series(seed), torch.tensor(resets).view(B, T)
    x[torch.arange(T) >= torch.tensor(lengths)[:, None]] = torch.nan
    initial = states(layer) if given_states else None
    ragged = {"lengths": torch.tensor(lengths)}
    alike(layer, every, series(seed), initial, reset=reset)
    alike(layer, every, x, initial, **ragged)
    alike(layer, every, x, initial, **ragged, reset=reset)


def test_numbers_per_step():
    layer = Recurrent(irregular, 3, 6, 2, bidirectional=True, sizes={"N": 3}, dtype=torch.float64)
    dt, seen = torch.rand(B, T, dtype=torch.float64), torch.randn(B, T) > 0
    lengths = torch.tensor([T, 2, 3])
    dt[1, 2:] = torch.nan
    alike(layer, 2, series(), None, per_step={"dt": dt, "seen": seen}, lengths=lengths)


def test_a_second_derivative_goes_through():
    layer = build("gru", checkpoint_every=2)
    x = series().requires_grad_()
    (slope,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
    found = torch.autograd.grad(slope.square().sum(), list(layer.parameters()))
    layer.checkpoint_every = None
    (slope,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
    same(found, torch.autograd.grad(slope.square().sum(), list(layer.parameters())))


def test_under_transforms_and_autocast():
    layer, whole = build("gru", checkpoint_every=2), build("gru")
    x = series()
    each = torch.func.vmap(lambda v: layer(v[None])[0][0])(x)
    same(each, whole(x)[0])
    same(torch.func.grad(lambda v: layer(v)[0].sum())(x), torch.func.grad(lambda v: whole(v)[0].sum())(x))
    results = []
    for module in (layer.float(), whole.float()):
        with torch.autocast("cpu", torch.bfloat16):
            output, (final,) = module(x.bfloat16())
        assert (output.dtype, final.dtype) == (torch.float32, torch.float32)
        results.append([output, final, *torch.autograd.grad(output.sum(), list(module.parameters()))])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_inference_is_left_as_it_is():
    layer, whole = build("gru", checkpoint_every=2), build("gru")
    with torch.no_grad():
        assert torch.equal(layer(series())[0], whole(series())[0])


def kept(layer: Recurrent, steps: int) -> int:
    """Bytes of the distinct memory that autograd holds after a forward pass over `steps`, but for x and the output.

    A checkpoint holds what a chunk was given in its own way, unseen by the hooks: the states and x. They are in the
    outputs and in x, which are left out; so what a chunk saves for itself is seen, or there is nothing.
    """
    x = torch.randn(4, steps, layer.input_size, dtype=torch.float64)
    held: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        output, _ = layer(x)
    for tensor in (x, output, *layer.parameters()):
        held.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(held.values())


@pytest.mark.parametrize("name", ["gru", "lstm", "slstm", "mingru"])
def test_memory_does_not_grow_with_the_steps(name: str):
    layer = Recurrent(name, 5, 4, sizes={"N": 2} if name == "slstm" else None, dtype=torch.float64)
    growth = kept(layer, 4096) - kept(layer, 1024)
    layer.checkpoint_every = 64
    assert kept(layer, 4096) - kept(layer, 1024) < growth / 10


@pytest.mark.parametrize(("name", "values"), [("gru", 5), ("lstm", 6), ("elman", 1), ("mingru", 3), ("indrnn", 1)])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_the_bytes_that_it_states_are_what_is_kept(
    name: str, values: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    layer = Recurrent(name, 5, 4, dtype=torch.float64, **options)
    stated = layer.saved_bytes_per_step()
    assert stated == values * 4 * 8 * layer.num_layers * layer.directions
    both = layer.directions == 2
    outputs = 4 * 8 * (1 if not both else 0)  # one direction's last results are the output, which `kept` leaves out
    joined = 8 * 8 * (layer.num_layers - 1) if both else 0  # the outputs of both directions side by side
    assert kept(layer, 900) - kept(layer, 400) == 500 * 4 * (stated - outputs + joined)
    assert 2 * Recurrent(name, 5, 4, dtype=torch.float32, **options).saved_bytes_per_step() == stated
