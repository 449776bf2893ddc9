"""Threads for compiled code: those of torch's OpenMP runtime, which are at hand already; Python's where it has none."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import torch

_ran_parallel = False
_is_cut_off = False


def _after_fork() -> None:
    """A forked process has the OpenMP runtime without its threads, and would wait for them for ever.

    torch does nothing about that, and its own layers hang in such a process; so its products, which come before and
    after every sweep, are told to do with one thread as well.
    """
    global _is_cut_off
    if _ran_parallel:
        _is_cut_off = True
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def thread_count() -> int:
    """As many as torch uses; one in a process forked after there were several."""
    global _ran_parallel
    if _is_cut_off:
        return 1
    count = torch.get_num_threads()
    _ran_parallel |= count > 1
    return count


@cache
def openmp_entry(name: str) -> int:
    """Address of a function that GNU's and LLVM's OpenMP runtimes both have, as `GOMP_parallel`; 0 if there is none."""
    if sys.platform == "win32":
        return 0
    for path in sorted(Path(torch.__file__).parent.glob("lib/*omp*")):
        try:
            address = ctypes.cast(getattr(ctypes.CDLL(str(path)), name), ctypes.c_void_p).value
        except (OSError, AttributeError):
            continue
        if address:
            return address
    return 0


def run_on(threads: int, work: Callable[[int], None], words: int) -> None:
    """`work(words)` on Python threads: native code runs while others hold no lock."""
    waiting = [_pool().submit(work, words) for _ in range(threads - 1)]
    work(words)
    for done in waiting:
        done.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="unspool")
