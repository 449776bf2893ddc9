"""Who is measured: ours, torch.nn, an eager loop, a compiled loop, JAX."""

from benchmarks.kernels.contenders.compiled import compiled
from benchmarks.kernels.contenders.contender import Contender, Unable, Variants
from benchmarks.kernels.contenders.eager import eager
from benchmarks.kernels.contenders.jax_scan import jax_scan
from benchmarks.kernels.contenders.library import library
from benchmarks.kernels.contenders.ours import only_on, ours

RIVALS: dict[str, Variants] = {"torch.nn": library, "eager": eager, "compile": compiled, "jax": jax_scan}

__all__ = ["RIVALS", "Contender", "Unable", "Variants", "only_on", "ours"]
