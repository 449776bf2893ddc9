"""Kernels for the processor, generated with LLVM: one generator for forward sweeps and adjoints of every cell."""

from unspool.backends.llvm.kernel import Layout, SweepKernel
from unspool.backends.llvm.target import NARROWER, Target, host_target

__all__ = ["NARROWER", "Layout", "SweepKernel", "Target", "host_target"]
