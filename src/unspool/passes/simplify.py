"""Simplify: algebraic identities and arithmetic on numbers.

    before                          after
    h' = tanh(W @ x + 0 + R @ h)    h' = tanh(W @ x + R @ h)
    y  = 1 ∘ h − 0                  y  = h

Common subexpressions need no pass: a graph never holds the same expression twice.
"""

import math
import operator
from collections.abc import Callable

from unspool.ir import Apply, Constant, GraphBuilder, StepGraph
from unspool.passes.rewrite import rewrite

_IDENTITIES = {
    # (operation, index of the argument that is the number): (number, which argument remains)
    ("add", 0): (0.0, 1),
    ("add", 1): (0.0, 0),
    ("subtract", 1): (0.0, 0),
    ("multiply", 0): (1.0, 1),
    ("multiply", 1): (1.0, 0),
    ("divide", 1): (1.0, 0),
    ("power", 1): (1.0, 0),
}

_ARITHMETIC: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negate": operator.neg,
    "power": operator.pow,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "tanh": math.tanh,
    "relu": lambda a: max(a, 0.0),
    "softplus": lambda a: math.log1p(math.exp(a)),
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "maximum": max,
    "minimum": min,
}


def simplify(graph: StepGraph) -> StepGraph:
    """The same step with fewer nodes."""

    def simpler(builder: GraphBuilder, old: int, arguments: tuple[int, ...]) -> int | None:
        node = graph.nodes[old]
        return _simpler(builder, node, arguments) if isinstance(node, Apply) else None

    return rewrite(graph, simpler)


def _simpler(builder: GraphBuilder, node: Apply, arguments: tuple[int, ...]) -> int | None:
    given = [builder.nodes[a] for a in arguments]
    numbers = [n.value for n in given if isinstance(n, Constant)]
    if len(numbers) == len(given):
        return builder.constant(_ARITHMETIC[node.operation](*numbers))
    if node.operation == "negate" and isinstance(inner := given[0], Apply) and inner.operation == "negate":
        return inner.arguments[0]
    for index, argument in enumerate(given):
        neutral, remains = _IDENTITIES.get((node.operation, index), (None, 0))
        # The other side must already have the shape of the result: 0 + number is not a vector.
        if isinstance(argument, Constant) and argument.value == neutral and given[remains].shape == node.shape:
            return arguments[remains]
    return None
