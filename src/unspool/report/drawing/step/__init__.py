"""Drawings of a cell's step, made from its graph: compressed, with its feedback, and unrolled over a few steps."""

from unspool.report.drawing.step.drawing import draw_step

__all__ = ["draw_step"]
