"""Backends turn a plan into a kernel; they know nothing of each other."""

from unspool.backends.kernel import Kernel

__all__ = ["Kernel"]
