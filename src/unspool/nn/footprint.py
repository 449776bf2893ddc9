"""What training keeps in memory per step, by the save plan of a cell."""

from collections.abc import Mapping

from unspool.ir import StepGraph, in_numbers
from unspool.passes import make_plan
from unspool.passes.fold import fold
from unspool.passes.save import plan_training


def numbers_per_step(graph: StepGraph, sizes: Mapping[str, int]) -> int:
    """Numbers that one layer and direction keeps per step and sequence from the compiled forward sweep to its adjoint.

    That is what the adjoint reads again of what the loop read (such as W x), what it gives to the output, and what it
    saves.
    """
    folded = fold(make_plan(graph))
    products = [p.names for p in folded.products]
    training = plan_training(folded.forward, products)
    forward, kept = training.forward, {name for names in training.kept(products) for name in names}
    passing = {name for names in products for name in names} - kept
    shapes = [r.shape for r in forward.reads if r.name not in passing]
    shapes += [forward.nodes[p].shape for _, p in forward.writes]
    return sum(in_numbers(shape, sizes)[0] if shape else 1 for shape in shapes)
