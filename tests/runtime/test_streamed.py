"""A forward sweep that writes more than the caches hold writes around them: the same numbers, bit by bit."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from tests.kinds import KINDS
from unspool.backends.llvm import host_target
from unspool.cells import built_in
from unspool.nn import Recurrent
from unspool.runtime import kernel_for
from unspool.runtime.compiled import CompiledKernel, memory, words
from unspool.runtime.compiled.cell import cell_of, compiled_cell

CACHES = (kernel_for, compiled_cell, cell_of)
B, T, I, H = 5, 7, 16, 32  # noqa: E741 - the axes' letters; H is a multiple of every vector


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """How calls are laid out is forgotten before and after."""
    for cache in CACHES:
        cache.cache_clear()
    yield
    for cache in CACHES:
        cache.cache_clear()


def layer_of(name: str, units: int, dtype: torch.dtype) -> Recurrent:
    torch.manual_seed(0)
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, 1 if name == "slstm" else 16)
    return Recurrent(name, I, units, sizes=sizes, dtype=dtype)


def results(layer: Recurrent, reset: Tensor | None = None) -> list[Tensor]:
    """Output, final states and every gradient; with the memory of each written in advance."""
    torch.manual_seed(1)
    x = torch.randn(B, T, I, dtype=next(layer.parameters()).dtype, requires_grad=True)
    output, final = layer(x, reset=reset, lengths=torch.tensor([7, 1, 4, 7, 6]))
    loss = output.square().sum() + sum(s.sin().sum() for s in final)
    return [output.detach(), *(s.detach() for s in final), *torch.autograd.grad(loss, [x, *layer.parameters()])]


def streamed(layer: Recurrent) -> list[bool]:
    """Of each sweep that was laid out since the caches were cleared, whether it writes around the caches."""
    kernel = kernel_for(layer.graph, "llvm")
    assert isinstance(kernel, CompiledKernel)
    bounds = [call.bound for call in kernel.cell._calls.values()]
    return [bool(b.values[b.kernel.index["is_streamed"]]) for b in bounds]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_the_numbers_are_the_same(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch):
    reset = torch.arange(B * T).view(B, T) % 5 == 0
    layer = layer_of(name, H, dtype)
    usual = results(layer, reset)
    assert not any(streamed(layer))
    for cache in CACHES:
        cache.cache_clear()
    monkeypatch.setattr(words, "_STREAMED", 0)
    for expected, found in zip(usual, results(layer, reset), strict=True):
        assert torch.equal(found, expected)
    assert any(streamed(layer)) == host_target().has_line_vectors


@pytest.mark.skipif(not host_target().has_line_vectors, reason="a vector of this processor is less than a line")
def test_only_whole_vectors_of_a_forward_sweep_are_streamed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "_STREAMED", 0)
    even, odd = layer_of("gru", H, torch.float32), layer_of("lstm", H - 1, torch.float32)
    results(even)
    results(odd)
    assert streamed(even) == [True, False]  # the forward sweep and its adjoint
    assert streamed(odd) == [False, False]


@pytest.mark.parametrize("shape", [(16,), (3, 1024), (64, 1024), (33, 4096)], ids=str)
def test_memory_begins_at_a_line(shape: tuple[int, ...]):
    """A store around the caches takes no other address."""
    blocks = [memory.empty(shape, torch.float32) for _ in range(5)]
    assert not any(block.data_ptr() % 64 for block in blocks)
