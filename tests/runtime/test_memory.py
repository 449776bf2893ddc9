"""The pool gives memory back, never twice at once; nothing is read before it is written; nothing is leaked."""

import gc
import importlib
import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.kinds import KINDS
from unspool.cells import built_in
from unspool.nn import Recurrent
from unspool.runtime import kernel_for
from unspool.runtime.compiled import CompiledKernel, memory
from unspool.runtime.compiled.cell import compiled_cell

I, H, T, B = 3, 5, 7, 4  # noqa: E741 - the axes' letters
BIG = (64, 1024)
"""Shape of a tensor that the pool keeps, in float32."""


@pytest.fixture(autouse=True)
def _empty_pool() -> Iterator[None]:
    memory.release()
    yield
    memory.release()


def layer_of(name: str, dtype: torch.dtype = torch.float32, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, 1 if name == "slstm" else 3)
    return Recurrent(name, I, H, sizes=sizes, dtype=dtype, **options)


def results(layer: Recurrent, x: Tensor, **options: Any) -> list[Tensor]:
    """Output, final states and every gradient."""
    x = x.clone().requires_grad_()
    output, final = layer(x, **options)
    loss = output.square().sum() + sum(s.sum() for s in final)
    return [output.detach(), *(s.detach() for s in final), *torch.autograd.grad(loss, [x, *layer.parameters()])]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("how", ["plain", "ragged", "reset", "ragged and reset"])
@pytest.mark.parametrize("name", KINDS)
def test_what_lay_in_memory_before_changes_nothing(
    name: str, how: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
):
    """Every block is full of NaN: results and gradients stay the same, bit by bit."""
    layer = layer_of(name, dtype, bidirectional=True, learn_initial_state=True)
    x, options = torch.randn(B, T, I, dtype=dtype), {}
    if "ragged" in how:
        options["lengths"] = torch.tensor([7, 1, 4, 6])
    if "reset" in how:
        options["reset"] = torch.arange(B * T).view(B, T) % 5 == 0
    clean, blocks, workspaces = results(layer, x, **options), [], list[int]()
    plain, lend = memory.empty, memory.borrow

    def poisoned(shape: Any, dtype: torch.dtype) -> Tensor:
        block = plain(shape, dtype)
        blocks.append(block.fill_(float("nan")))
        return block

    def poisoned_bytes(count: int) -> memory.Block:
        block = lend(count)
        block.fill(255)  # as a number: NaN
        workspaces.append(count)
        return block

    monkeypatch.setattr(memory, "empty", poisoned)
    monkeypatch.setattr(memory, "borrow", poisoned_bytes)
    for expected, found in zip(clean, results(layer, x, **options), strict=True):
        assert torch.equal(found, expected)
    assert len(blocks) > 8
    assert len(workspaces) == 4  # of two sweeps and their adjoints


def test_a_block_comes_back_when_the_last_view_is_gone():
    block = memory.empty(BIG, torch.float32)
    address, part, array = block.data_ptr(), block[3:], block.numpy()
    del block
    assert memory.empty(BIG, torch.float32).data_ptr() != address
    del part
    assert memory.empty(BIG, torch.float32).data_ptr() != address
    del array
    assert memory.empty(BIG, torch.float32).data_ptr() == address


def test_blocks_in_use_never_overlap():
    blocks = [memory.empty(BIG, torch.float32) for _ in range(20)]
    for i, block in enumerate(blocks):
        block.fill_(i)
    assert [float(b.min()) for b in blocks] == [float(b.max()) for b in blocks] == list(range(20))
    starts = sorted(b.data_ptr() for b in blocks)
    assert all(start % 128 == 0 for start in starts)
    assert min(np.diff(starts)) >= 4 * 64 * 1024


def test_the_pool_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "_MOST_KEPT", 1 << 20)
    blocks = [memory.empty((n, 1024), torch.float32) for n in (20, 40, 60, 80, 100, 120)]  # 0.08 to 0.5 MB
    addresses = [b.data_ptr() for b in blocks]
    while blocks:
        blocks.pop(0)
        assert memory.kept() <= 1 << 20
    assert memory.empty((120, 1024), torch.float32).data_ptr() == addresses[-1], "the newest is kept"
    memory.empty((300, 1024), torch.float32)  # more than the pool may hold at all
    assert memory.kept() <= 1 << 20
    memory.release()
    assert memory.kept() == 0


def test_any_thread_may_take_and_give():
    failures = []

    def work(number: int) -> None:
        for turn in range(300):
            shape = (16 + 8 * (turn % 5), 1024)
            block = memory.empty(shape, torch.float32).fill_(number)
            if turn % 100 == 0:
                gc.collect(0)
            if not bool((block == number).all()):
                failures.append((number, turn))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert 0 < memory.kept() <= memory._MOST_KEPT


def test_results_are_ordinary_tensors():
    """Whatever a program does with a tensor's storage goes for one of the pool's."""
    with torch.no_grad():
        output, _ = Recurrent("gru", 8, 64)(torch.randn(16, 32, 8))
    copy = output.clone()
    assert output.untyped_storage().nbytes() >= 4 * output.numel()
    output.share_memory_()
    assert torch.equal(output, copy)
    output.add_(1)
    assert torch.equal(output, copy + 1)


@pytest.mark.skipif(sys.platform != "linux", reason="counts Linux's page faults")
def test_page_faults_are_spared(monkeypatch: pytest.MonkeyPatch):
    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(3):  # so large that the C library keeps none of it, and 32 pages even where they are huge
            memory.empty((1 << 26,), torch.uint8).zero_()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    spared = faults()
    memory.release()
    monkeypatch.setattr(memory._Pool, "give", lambda pool, block: None)
    assert 4 * spared < faults()


def test_no_memory_is_an_error_that_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch):
    """Wherever it strikes, forward or backward: a MemoryError, and the next call is right."""
    layer, x = layer_of("lstm", bidirectional=True), torch.randn(B, T, I)
    clean, plain, struck = results(layer, x), memory.empty, 0
    for turn in range(100):
        calls = iter(range(turn + 1))

        def failing(shape: Any, dtype: torch.dtype, calls: Iterator[int] = calls) -> Tensor:
            if next(calls, None) is None:
                raise MemoryError("none left")
            return plain(shape, dtype)

        monkeypatch.setattr(memory, "empty", failing)
        try:
            found = results(layer, x)
        except MemoryError as error:
            assert str(error) == "none left"  # noqa: PT017 - some turn strikes nowhere
            struck += 1
            monkeypatch.setattr(memory, "empty", plain)
            found = results(layer, x)
        for f, e in zip(found, clean, strict=True):
            assert torch.equal(f, e)
        if struck <= turn:
            break
    assert struck > 10


def test_the_pool_is_given_back_before_giving_up(monkeypatch: pytest.MonkeyPatch):
    memory.empty(BIG, torch.float32)
    assert memory.kept()
    plain, asked = np.empty, []

    def full(size: int, kind: Any) -> Any:
        asked.append(memory.kept())
        if memory.kept():
            raise MemoryError
        return plain(size, kind)

    monkeypatch.setattr(np, "empty", full)
    memory.empty((128, 1024), torch.float32)
    assert asked[0] > 0
    assert asked[1] == 0


def test_more_than_the_machine_has():
    layer = layer_of("gru")
    graph = layer.graph
    parameters = {p.name: getattr(layer, f"{p.name}_l0") for p in graph.parameters}
    x = torch.zeros(1, 1, I).expand(1 << 44, 1, I)
    with pytest.raises((MemoryError, RuntimeError), match=r"(?i)alloc"), torch.no_grad():
        kernel_for(graph, "llvm")({"x": x}, parameters, [torch.zeros(1, H)])
    output, _ = layer(torch.zeros(B, T, I))
    assert output.isfinite().all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_ten_thousand_calls_leak_nothing():
    small, large = layer_of("gru"), Recurrent("lstm", 8, 64)
    x, big = torch.randn(B, T, I), torch.randn(8, 40, 8)

    def calls(count: int) -> None:
        for turn in range(count):
            if turn % 10:
                with torch.no_grad():
                    small(x)
            elif turn % 50:
                small(x)[0].sum().backward()
            else:  # a length of its own, and blocks from the pool
                steps = 30 + turn // 50 % 10
                large(big[:, :steps])[0].sum().backward()

    calls(1000)
    gc.collect()
    before = state()
    calls(10_000)
    gc.collect()
    after = state()
    assert after["threads"] == before["threads"]
    assert after["files"] == before["files"]
    assert after["bytes"] - before["bytes"] < 20 << 20
    assert memory.kept() <= memory._MOST_KEPT


def state() -> dict[str, int]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "threads": len(os.listdir("/proc/self/task")),  # noqa: PTH208
        "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        "bytes": pages * os.sysconf("SC_PAGE_SIZE"),
    }


def test_calls_laid_out_are_bounded(monkeypatch: pytest.MonkeyPatch):
    kernel_for.cache_clear()
    compiled_cell.cache_clear()
    monkeypatch.setattr(importlib.import_module("unspool.runtime.compiled.cell"), "_MOST_CALLS", 8)
    layer = layer_of("gru")
    kernel = kernel_for(layer.graph, "llvm")
    assert isinstance(kernel, CompiledKernel)
    for steps in range(1, 30):
        layer(torch.randn(2, steps, I).requires_grad_())  # an input that needs no gradient is another cell
        assert 0 < len(kernel.cell._calls) <= 8
