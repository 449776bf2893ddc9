"""Cells on compiled sweeps: memory, threads, gradients, and the operator that torch.compile sees."""

from unspool.runtime.compiled.kernel import CompiledKernel

__all__ = ["CompiledKernel"]
