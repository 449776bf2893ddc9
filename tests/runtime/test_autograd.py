"""What torch may do with a layer's gradients: each way against the reference, or against a plain call."""

import copy
import importlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad
from torch.utils.checkpoint import checkpoint

from tests.kinds import KINDS
from unspool.cells import built_in
from unspool.nn import LSTM, Recurrent
from unspool.runtime.compiled import operator
from unspool.testing.tolerances import tolerance

# torch 2.13 scripts its own forward-mode formulas when they are first used, and warns of that itself.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

I, H, T, B, P = 2, 5, 6, 3, 3  # noqa: E741 - the axes' letters


def layer_of(name: str, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, 1 if name == "slstm" else P)
    return Recurrent(name, I, H, sizes=sizes, dtype=torch.float64, **options)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(B, T, I, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def gradients(layer: torch.nn.Module, x: Tensor, loss: Callable[[Any], Tensor]) -> list[Tensor | None]:
    x = x.clone().requires_grad_()
    return list(torch.autograd.grad(loss(layer(x)), [x, *layer.parameters()], allow_unused=True))


def same(found: list[Tensor | None], expected: list[Tensor | None]) -> None:
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        f, e = (torch.zeros(()) if g is None else g for g in (f, e))
        assert float((f - e).abs().max()) <= tolerance(torch.float64, T, scale=float(e.abs().max()))


LOSSES: dict[str, Callable[[Any], Tensor]] = {
    "output": lambda r: r[0].square().sum(),
    "first step": lambda r: r[0][:, 0].sum(),
    "one unit": lambda r: r[0][..., 1].sum(),
    "last state": lambda r: r[1][-1].square().sum(),
    "first state": lambda r: r[1][0].square().sum(),
    "everything": lambda r: r[0].sum() + sum(s.square().sum() for s in r[1]),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("name", [name for name in KINDS if name != "clockwork"])  # whose last state is a clock
def test_of_whatever_part_of_the_results(name: str, loss: Any, x: Tensor, monkeypatch: pytest.MonkeyPatch):
    layer = layer_of(name, bidirectional=True)
    found = gradients(layer, x, loss)
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    same(found, gradients(layer, x, loss))


@pytest.mark.parametrize("frozen", ["x", "weights", "matrices", "vectors", "all but one"])
@pytest.mark.parametrize("name", ["lstm", "gru_reset_before", "lstm_layernorm"])
def test_what_needs_no_gradient_gets_none(name: str, frozen: str, x: Tensor):
    layer = layer_of(name)
    whole = dict(zip(["x", *dict(layer.named_parameters())], gradients(layer, x, LOSSES["everything"]), strict=True))
    for i, parameter in enumerate(layer.parameters()):
        held = {"x": False, "weights": True, "matrices": parameter.dim() == 2, "vectors": parameter.dim() == 1}
        parameter.requires_grad_(not held.get(frozen, i > 0))
    x = x.clone().requires_grad_(frozen != "x")
    LOSSES["everything"](layer(x)).backward()
    for key, tensor in (("x", x), *layer.named_parameters()):
        if tensor.requires_grad:
            assert tensor.grad is not None
            same([tensor.grad], [whole[key]])
        else:
            assert tensor.grad is None


def test_twice_through_a_retained_graph(x: Tensor):
    layer = layer_of("lstm")
    loss = LOSSES["everything"](layer(x))
    first = torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True)
    second = torch.autograd.grad(loss, list(layer.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


@pytest.mark.parametrize("what", ["output", "weight", "input"])
def test_what_was_saved_must_not_change(what: str, x: Tensor):
    layer = layer_of("gru")
    x = x.clone()
    output, _ = layer(x)
    loss = output.sum()
    with torch.no_grad():
        {"output": output, "weight": layer.get_parameter("R_l0"), "input": x}[what].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_an_output_may_change_where_nothing_is_differentiated(x: Tensor):
    with torch.no_grad():
        output, _ = layer_of("gru")(x)
        output.mul_(0)
    assert not output.any()


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_torch_checkpoint(use_reentrant: bool, x: Tensor):
    layer = layer_of("lstm", num_layers=2, bidirectional=True)
    plain = gradients(layer, x, LOSSES["output"])
    x = x.clone().requires_grad_()
    output = checkpoint(lambda v: layer(v)[0], x, use_reentrant=use_reentrant)
    assert isinstance(output, Tensor)
    output.square().sum().backward()
    for tensor, expected in zip([x, *layer.parameters()], plain, strict=True):
        assert tensor.grad is not None
        assert expected is not None
        assert torch.equal(tensor.grad, expected)


@pytest.mark.parametrize("kind", ["Recurrent", "block-diagonal", "LSTM"])
def test_autocast_computes_in_float32(kind: str):
    layer = LSTM(I, H, batch_first=True) if kind == "LSTM" else layer_of("lstm" if kind == "Recurrent" else "slstm")
    layer.float()
    x = torch.randn(B, T, I)
    expected = gradients(layer, x, lambda r: r[0].square().sum())
    with torch.autocast("cpu", torch.bfloat16):
        output, final = layer(x)
        found = gradients(layer, x, lambda r: r[0].square().sum())
        low, _ = layer(x.bfloat16())
    assert {output.dtype, low.dtype, *(s.dtype for s in final)} == {torch.float32}
    assert torch.equal(output, layer(x)[0])
    assert all(torch.equal(f, e) for f, e in zip(found, expected, strict=True) if f is not None and e is not None)
    assert torch.equal(low, layer(x.bfloat16().float())[0])


def test_a_copy_has_weights_of_its_own(x: Tensor):
    layer = layer_of("lstm", learn_initial_state=True)
    layer(x)
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(x)[0], layer(x)[0])
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert not torch.equal(twin(x)[0], layer(x)[0])
    LOSSES["output"](layer(x)).backward()
    assert all(p.grad is None for p in twin.parameters())


def test_the_reference_says_once_that_it_steps_in(x: Tensor, caplog: pytest.LogCaptureFixture):
    # The package exports a function of the same name as this module.
    importlib.import_module("unspool.runtime.unroll")._say_once.cache_clear()
    operator._say_once.cache_clear()
    layer = layer_of("gru")
    with caplog.at_level(logging.INFO, logger="unspool"):
        for _ in range(2):
            grad(lambda v: layer(v)[0].sum())(x)
    assert [r.name for r in caplog.records] == ["unspool"]
    assert "torch.func" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="unspool"):
        for _ in range(2):
            sequence = x.clone().requires_grad_()
            (slope,) = torch.autograd.grad(LOSSES["output"](layer(sequence)), sequence, create_graph=True)
            slope.square().sum().backward()
    assert [r.name for r in caplog.records] == ["unspool"]
    assert "second derivatives" in caplog.text


def test_lengths_may_be_strided(x: Tensor):
    layer, lengths = layer_of("gru"), torch.tensor([6, 9, 2, 9, 4, 9])[::2]
    assert torch.equal(layer(x, lengths=lengths)[0], layer(x, lengths=lengths.clone())[0])
