"""Drawings of networks, compressed and unrolled, made from the modules themselves."""

from unspool.report.drawing.drawing import draw

__all__ = ["draw"]
