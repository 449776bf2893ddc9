"""Simplify: algebraic identities and arithmetic on numbers.

    before                          after
    h' = tanh(W @ x + 0 + R @ h)    h' = tanh(W @ x + R @ h)
    y  = 1 ∘ h − 0                  y  = h

Common subexpressions need no pass: a graph never holds the same expression twice.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

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

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negate": np.negative,
    "power": np.power,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0.0),
    "softplus": lambda a: np.logaddexp(a, 0.0),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "sign": np.sign,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def simplify(graph: StepGraph) -> StepGraph:
    """The same step with fewer nodes."""

    def simpler(builder: GraphBuilder, old: int, arguments: tuple[int, ...]) -> int | None:
        node = graph.nodes[old]
        return simpler_apply(builder, node.operation, arguments) if isinstance(node, Apply) else None

    return rewrite(graph, simpler)


def simpler_apply(builder: GraphBuilder, operation: str, arguments: tuple[int, ...]) -> int:
    """Position of `operation` on `arguments`, by an identity or by arithmetic where one of them serves."""
    given = [builder.nodes[a] for a in arguments]
    numbers = [np.float64(n.value) for n in given if isinstance(n, Constant)]
    if len(numbers) == len(given):
        with np.errstate(all="ignore"):  # log(0) is −∞ here as it is in a tensor
            return builder.constant(float(_ARITHMETIC[operation](*numbers)))
    if operation == "negate" and isinstance(inner := given[0], Apply) and inner.operation == "negate":
        return inner.arguments[0]
    if operation == "multiply" and any(n == -1 for n in numbers):
        (other,) = (a for a, n in zip(arguments, given, strict=True) if not isinstance(n, Constant))
        return simpler_apply(builder, "negate", (other,))
    if operation == "minimum" and any(n >= 1 for n in numbers):  # nothing is cut off a σ, which is at most 1
        gate = next((a for a, n in zip(arguments, given, strict=True) if not isinstance(n, Constant)), None)
        if gate is not None and isinstance(node := builder.nodes[gate], Apply) and node.operation == "sigmoid":
            return gate
    for index, argument in enumerate(given):
        neutral, remains = _IDENTITIES.get((operation, index), (None, 0))
        if isinstance(argument, Constant) and argument.value == neutral:
            return arguments[remains]
    return builder.apply(operation, *arguments)
