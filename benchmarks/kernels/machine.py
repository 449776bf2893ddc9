"""What the figures were measured on: names, versions, threads, and the rate of the machine's own matrix product."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

SHAPES = ((512, 512, 512), (1024, 1024, 1024), (2048, 1024, 1024), (8192, 256, 1024), (4096, 512, 2048))


def limit_threads(threads: int) -> None:
    """Give torch and, if it is not loaded yet, XLA this many threads."""
    torch.set_num_threads(threads)
    parts = (f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}", f"intra_op_parallelism_threads={threads}")
    os.environ["XLA_FLAGS"] = " ".join((os.environ.get("XLA_FLAGS", ""), *parts)).strip()
    os.environ["NPROC"] = str(threads)  # the size of XLA's thread pool
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


def facts(backend: str) -> dict[str, str]:
    """Names and versions, as they are printed."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "?"
    return {
        "cpu": _cpu(),
        "vector": torch.backends.cpu.get_cpu_capability(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "load": load,
        "torch": torch.__version__,
        "jax": package_version("jax") or "missing",
        "llvmlite": package_version("llvmlite") or "missing",
        "backend": backend,
    }


def package_version(name: str) -> str | None:
    """Its version, or None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def peak(dtype: torch.dtype, seconds: float = 0.25) -> tuple[float, str]:
    """(GFLOP/s, shape) of the fastest `torch.mm` over several shapes, at the present number of threads."""
    best = (0.0, "")
    for m, k, n in SHAPES:
        a, b = torch.randn(m, k, dtype=dtype), torch.randn(k, n, dtype=dtype)
        out = torch.empty(m, n, dtype=dtype)
        torch.mm(a, b, out=out)
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            torch.mm(a, b, out=out)
            best = max(best, (2e-9 * m * k * n / (time.perf_counter() - start), f"{m}x{k}x{n}"))
    return best


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
