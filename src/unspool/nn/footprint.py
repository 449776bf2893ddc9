"""What training keeps in memory per step, by the save plan of a cell."""

from collections.abc import Mapping

from unspool.ir import StepGraph, in_numbers
from unspool.passes import make_plan
from unspool.passes.fold import fold
from unspool.passes.save import plan_training


def numbers_per_step(graph: StepGraph, sizes: Mapping[str, int]) -> int:
    """Numbers that one layer and direction keeps per step and sequence from the compiled forward sweep to its adjoint.

    That is what the sweep reads (such as W x), what it gives to the output, and what it saves.
    """
    forward = plan_training(fold(make_plan(graph)).forward).forward
    shapes = [r.shape for r in forward.reads] + [forward.nodes[p].shape for _, p in forward.writes]
    return sum(in_numbers(shape, sizes)[0] if shape else 1 for shape in shapes)
