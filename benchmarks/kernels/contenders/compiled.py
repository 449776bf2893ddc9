"""torch.compile: of the step, called in a loop over time; for short sequences also of the whole loop.

torch.compile unrolls a loop: compiling the whole of it takes minutes at T = 1024, so it is tried to T = 128 only, and
given up after a limit. No guards are checked at each call where torch offers that: the shapes never change here.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch._inductor.config as inductor

from benchmarks.kernels.case import Case
from benchmarks.kernels.contenders.contender import Contender, Unable, torch_contender
from benchmarks.kernels.contenders.eager import TORCH_LIBRARY, unrolled
from benchmarks.kernels.contenders.loop import HAND_WRITTEN, PlanLoop

WHOLE = 128
"""The longest T whose loop is compiled as a whole."""

_too_slow: dict[tuple[str, str], int] = {}
"""(cell, mode) → the shortest T whose loop was given up; longer ones are not tried."""


def compiled(case: Case, mode: str, limit: float) -> Iterator[Contender]:
    """The compiled step, and the compiled loop where T ≤ 128 and it compiles within `limit` seconds."""
    torch.compiler.reset()
    inductor.compile_threads = 1  # no pool of workers that starts during somebody's turn
    try:
        loop = HAND_WRITTEN[case.cell]() if case.cell in HAND_WRITTEN else PlanLoop(case.graph, TORCH_LIBRARY)
    except NotImplementedError as error:
        raise Unable(str(error)) from error
    # With a leaf as the first state every step has the same autograd properties, so it is compiled once.
    initial = [s.requires_grad_(mode == "training") for s in case.initial()]
    by_step = torch_contender(case, mode, "step", unrolled(loop, initial, wrap=_compile))
    _first_call(by_step, max(limit, 120))
    yield by_step
    if case.size.steps > WHOLE or limit <= 0 or case.size.steps >= _too_slow.get((case.cell, mode), WHOLE + 1):
        return
    whole = torch_contender(case, mode, "whole loop", _compile(unrolled(loop, initial)))
    try:
        _first_call(whole, limit)
    except Unable:
        _too_slow[case.cell, mode] = case.size.steps
        return
    yield whole


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    unguarded = getattr(torch.compiler, "skip_all_guards_unsafe", None)
    return torch.compile(
        function, fullgraph=True, dynamic=False, options={"guard_filter_fn": unguarded} if unguarded else None
    )


def _first_call(contender: Contender, seconds: float) -> None:
    """Compile, or raise `Unable` after `seconds` or when the compiler fails."""
    try:
        with _alarm(seconds):
            contender.call()
    except _TooSlow as error:
        torch.compiler.reset()
        raise Unable(f"{contender.label}: not compiled within {seconds:.0f} s") from error
    except Exception as error:
        raise Unable(f"{contender.label}: {type(error).__name__}: {str(error).strip()[:200]}") from error


class _TooSlow(BaseException):
    """Not an Exception: the compiler catches those."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: Any) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again every second, should a callback swallow it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
