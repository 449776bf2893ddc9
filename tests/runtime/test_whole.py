"""For many sequences every product but those of inputs runs in the loop; for few, readouts and chains stay outside."""

import pytest
import torch
from torch import Tensor

from unspool.cells import built_in
from unspool.lang import Cell, Input, Matrix, State, cell, tanh
from unspool.nn import Recurrent
from unspool.runtime import kernel_for
from unspool.runtime.compiled import CompiledKernel
from unspool.testing.tolerances import tolerance

T, I, H = 6, 7, 9  # noqa: E741 - the axes' letters
CUT = {"lru", "minimalrnn", "scrn"}


@cell
def chain(x: Input, h: State, *, W: Matrix[Input], U: Matrix[State], R: Matrix[State]) -> State:
    """A product of a product: in the loop the first is an operand, which its matrix's gradient needs again."""
    return tanh(U @ (W @ x) + R @ h)


def compiled(layer: Recurrent) -> CompiledKernel:
    kernel = kernel_for(layer.graph, "llvm")
    assert isinstance(kernel, CompiledKernel)
    return kernel


def make(name: str | Cell) -> Recurrent:
    torch.manual_seed(0)
    graph = built_in()[name].graph if isinstance(name, str) else name.graph
    sizes = dict.fromkeys(graph.sizes - {"I", "H"}, 3)
    return Recurrent(name, I, H, sizes=sizes, dtype=torch.float64, learn_initial_state=True, bidirectional=True)


def results(layer: Recurrent, batch: int) -> list[Tensor]:
    torch.manual_seed(1)
    x = torch.randn(batch, T, I, dtype=torch.float64, requires_grad=True)
    reset = torch.arange(batch * T).view(batch, T) % 5 == 0
    output, final = layer(x, lengths=1 + torch.arange(batch) * 3 % T, reset=reset)
    loss = output.square().sum() + sum(s.sin().sum() for s in final)
    return [output, *final, *torch.autograd.grad(loss, [x, *layer.parameters()])]


@pytest.mark.parametrize("batch", [1, 3, 4, 9])
@pytest.mark.parametrize("name", [*sorted(CUT), chain], ids=lambda c: getattr(c, "name", c))
def test_it_is_the_reference(name: str | Cell, batch: int, monkeypatch: pytest.MonkeyPatch):
    layer = make(name)
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    found = results(layer, batch)
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    for value, wanted in zip(found, results(layer, batch), strict=True):
        scale = float(wanted.detach().abs().max()) or 1.0
        assert float((value - wanted).detach().abs().max()) / scale < tolerance(torch.float64, T)


def test_which_cells_are_cut():
    assert {name for name in built_in() if compiled(make(name))._has_more} == CUT


@pytest.mark.parametrize(("batch", "whole"), [(3, False), (4, True)])
def test_it_depends_on_the_number_of_sequences(batch: int, whole: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    layer = make("scrn")
    kernel = compiled(layer)
    ran: list[bool] = []
    plain = CompiledKernel.__call__

    def call(self: CompiledKernel, *args: object, **kwargs: object):
        ran.append(self._is_whole)
        return plain(self, *args, **kwargs)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(CompiledKernel, "__call__", call)
    layer(torch.zeros(batch, T, I, dtype=torch.float64))
    assert ran[-1] == whole
    assert not kernel._is_whole
