"""Threads and processes: many callers at once, any number of threads, nested parallelism, fork."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from unspool.nn import Recurrent
from unspool.runtime import kernel_for
from unspool.runtime.compiled import bound, words
from unspool.runtime.compiled.bound import Bound
from unspool.runtime.compiled.cell import cell_of, compiled_cell
from unspool.runtime.compiled.threads import openmp_entry
from unspool.testing.tolerances import tolerance

I, H, T, B = 16, 64, 40, 13  # noqa: E741 - the axes' letters; enough work for several threads


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets torch's number of threads, for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def make(name: str = "lstm") -> tuple[Recurrent, Tensor]:
    torch.manual_seed(0)
    return Recurrent(name, I, H, bidirectional=True), torch.randn(B, T, I)


def forward(layer: Recurrent, x: Tensor) -> list[Tensor]:
    with torch.no_grad():
        output, final = layer(x)
    return [output, *final]


def gradients(layer: Recurrent, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    output, final = layer(x)
    loss = output.square().sum() + sum(s.sum() for s in final)
    return list(torch.autograd.grad(loss, [x, *layer.parameters()]))


def equal(found: list[Tensor], expected: list[Tensor]) -> bool:
    return all(torch.equal(f, e) for f, e in zip(found, expected, strict=True))


def close(found: list[Tensor], expected: list[Tensor]) -> None:
    for f, e in zip(found, expected, strict=True):
        scale = float(e.detach().abs().max())
        torch.testing.assert_close(f, e, rtol=0, atol=tolerance(f.dtype, T, scale=scale))


@pytest.mark.parametrize("name", ["lstm", "gru", "lem", "mingru"])
def test_any_number_of_threads_gives_the_same(name: str, threads: Callable[[int], None]):
    """But for rounding: the batch is cut where the threads are, so rows fall into other tiles. Again: bit by bit."""
    layer, x = make(name)
    threads(1)
    values, slopes = forward(layer, x), gradients(layer, x)
    for count in (2, 3, 4):
        threads(count)
        close(forward(layer, x), values)
        close(gradients(layer, x), slopes)
        assert equal(forward(layer, x), forward(layer, x))
        assert equal(gradients(layer, x), gradients(layer, x))


def test_work_is_shared(threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch):
    """The layouts really are for so many threads: a test of the tests here."""
    seen = set()
    plain = Bound.run

    def run(call: Bound, tensors: Any) -> None:
        seen.add(call.threads)
        plain(call, tensors)

    monkeypatch.setattr(Bound, "run", run)
    layer, x = make()
    for count in (1, 2, 4):
        threads(count)
        forward(layer, x)
    assert seen == {1, 2, 4}


@pytest.fixture
def _restless() -> Iterator[None]:
    """Python changes between threads at every opportunity."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_restless")
@pytest.mark.parametrize("count", [1, 2])
def test_python_threads_at_once(count: int, threads: Callable[[int], None]):
    threads(count)
    layer, x = make()
    inputs = [x + i for i in range(4)]
    expected = [[*forward(layer, v), *gradients(layer, v)] for v in inputs]

    def work(i: int) -> bool:
        torch.set_num_threads(count)  # OpenMP keeps it per thread
        return all(equal([*forward(layer, inputs[i]), *gradients(layer, inputs[i])], expected[i]) for _ in range(10))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, [0, 1, 2, 3, 0, 1, 2, 3]))


@pytest.mark.skipif(not openmp_entry("GOMP_parallel"), reason="this torch has no OpenMP")
def test_inside_an_openmp_region(threads: Callable[[int], None]):
    """Two threads of the runtime call the layer, which asks the runtime for two threads."""
    threads(2)
    layer, x = make()
    expected, found = forward(layer, x), []

    def body(_: Any) -> None:
        torch.set_num_threads(2)
        found.append(equal(forward(layer, x), expected))

    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    entry = ctypes.CFUNCTYPE(None, kind, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    parallel = entry(openmp_entry("GOMP_parallel"))
    parallel(kind(body), None, 2, 0)
    assert len(found) == 2
    assert all(found)


@pytest.fixture
def no_openmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a system whose torch has no OpenMP runtime; calls already laid out for one are forgotten."""
    caches = (kernel_for, compiled_cell, cell_of)
    for module in (bound, words):
        monkeypatch.setattr(module, "openmp_entry", lambda name: 0)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("no_openmp")
def test_without_openmp_python_threads_do_it(threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch):
    threads(1)
    layer, x = make()
    values, slopes = forward(layer, x), gradients(layer, x)
    threads(2)
    used, plain = [], bound.run_on
    monkeypatch.setattr(bound, "run_on", lambda count, *rest: (used.append(count), plain(count, *rest)))
    for _ in range(20):
        close(forward(layer, x), values)
        close(gradients(layer, x), slopes)
    assert set(used) == {2}
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: forward(layer, x), range(20)):
            close(found, values)


FORK = """
import faulthandler, os, sys, torch
from unspool.nn import Recurrent
faulthandler.dump_traceback_later(60, exit=True)
torch.set_num_threads(2)
torch.manual_seed(0)
layer, x = Recurrent("lstm", 32, 128), torch.randn(32, 50, 32)
def results():
    output, _ = layer(x)
    return [output.detach(), *torch.autograd.grad(output.sum(), list(layer.parameters()))]
before = results()
child = os.fork()
if not child:
    after = results()
    right = all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(before, after))
    os._exit(0 if right and torch.get_num_threads() == 1 else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert all(torch.equal(a, b) for a, b in zip(before, results())), "the parent goes on"
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_a_fork():
    """The OpenMP runtime's threads are gone in the child, where torch's own layers hang."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "error", "-c", FORK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
