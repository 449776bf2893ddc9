"""Stack: products that share an operand become one product with the stacked matrices.

In the GRU:
    before  R.r @ h, R.z @ h, R.n @ h      three products [H, H] @ [H]
    after   R @ h                          one product [3·H, H] @ [H], its result cut in three
"""

from collections.abc import Iterable
from dataclasses import dataclass

from unspool.ir import Apply, StepGraph
from unspool.ir.nodes import Shape


@dataclass(frozen=True)
class StackedProduct:
    """Several products with one operand, done as one.

    Attributes:
        operand: position of the vector.
        matrices: positions of the matrices, in stacking order.
        results: positions of the products, in the same order.
    """

    operand: int
    matrices: tuple[int, ...]
    results: tuple[int, ...]


def stack_products(graph: StepGraph, positions: Iterable[int]) -> tuple[int | StackedProduct, ...]:
    """`positions` in order, with the products among them grouped by operand where the first of each group stood."""
    listed = list(positions)
    products = {p: n for p in listed if isinstance(n := graph.nodes[p], Apply) and n.operation == "product"}
    groups: dict[tuple[int, Shape], list[int]] = {}
    for position, node in products.items():
        # Parts of one stack have one shape, so that its result is cut evenly and all or none are block-diagonal.
        matrix, operand = node.arguments
        groups.setdefault((operand, graph.nodes[matrix].shape), []).append(position)
    stacks = {
        results[0]: StackedProduct(operand, tuple(products[r].arguments[0] for r in results), tuple(results))
        for (operand, _), results in groups.items()
    }
    return tuple(stacks.get(p, p) for p in listed if p not in products or p in stacks)
