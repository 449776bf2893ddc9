"""Code for older processors, made and run on this one: the same results as the reference."""

import platform
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from tests.kinds import KINDS
from unspool.backends.llvm import NARROWER, host_target
from unspool.backends.llvm.compiling import assembly
from unspool.cells import built_in
from unspool.errors import SettingError
from unspool.nn import Recurrent
from unspool.runtime import kernel_for
from unspool.runtime.compiled import CompiledKernel
from unspool.runtime.compiled.cell import cell_of, compiled_cell
from unspool.testing.tolerances import tolerance

pytestmark = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="x86's instruction sets")

I, H, T, B = 3, 19, 6, 5  # noqa: E741 - the axes' letters; H is no multiple of any vector
CACHES = (kernel_for, compiled_cell, cell_of)


@pytest.fixture(params=NARROWER)
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Kernels are made for an older processor, and forgotten afterwards."""
    monkeypatch.setenv("UNSPOOL_TARGET", request.param)
    for cache in CACHES:
        cache.cache_clear()
    yield request.param
    for cache in CACHES:
        cache.cache_clear()


def results(layer: Recurrent, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    lengths, reset = torch.tensor([6, 1, 4, 6, 5]), torch.arange(B * T).view(B, T) % 7 == 0
    output, final = layer(x, lengths=lengths, reset=reset)
    loss = output.square().sum() + sum(s.sin().sum() for s in final)
    return [output.detach(), *(s.detach() for s in final), *torch.autograd.grad(loss, [x, *layer.parameters()])]


# Each number type on half of the cells: compiling takes most of the time. The exponential of exprnn is torch's own.
@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, (torch.float32, torch.float64)[i % 2]) for i, name in enumerate(sorted(KINDS.keys() - {"exprnn"}))],
    ids=str,
)
def test_forward_and_backward(name: str, dtype: torch.dtype, target: str, monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, 1 if name == "slstm" else 7)
    layer = Recurrent(name, I, H, sizes=sizes, bidirectional=True, dtype=dtype)
    x = torch.randn(B, T, I, dtype=dtype)
    found = results(layer, x)
    kernel = kernel_for(layer.graph, "llvm")
    assert isinstance(kernel, CompiledKernel)
    assert {k.target for k in kernel.cell._kernels.values()} == {NARROWER[target]}
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    expected = results(layer.double(), x.double())
    for f, e in zip(found, expected, strict=True):
        assert float((f.double() - e).abs().max()) <= tolerance(dtype, T, scale=float(e.abs().max()))


REGISTERS = {"avx2": ("ymm", "zmm"), "sse2": ("xmm", "ymm")}


def test_no_wider_register_is_used(target: str):
    kernel = compiled_cell(built_in()["gru"].graph).kernel("inference", torch.float32)
    text = assembly(kernel.source(), kernel.target, kernel.thorough)
    used, too_wide = REGISTERS[target]
    assert used in text
    assert too_wide not in text


def test_a_processor_that_there_is_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_TARGET", "z80")
    with pytest.raises(SettingError, match="UNSPOOL_TARGET=z80: no such processor") as caught:
        host_target()
    assert "avx2, sse2" in str(caught.value.hint)


def test_this_processor_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UNSPOOL_TARGET", raising=False)
    here = host_target()
    monkeypatch.setenv("UNSPOOL_TARGET", "")
    assert host_target() == here
    assert here.vector_bytes in (16, 32, 64)
