"""The functions that a page may apply, unit by unit."""

from unspool.errors import CellError
from unspool.lang.words import Symbol


def sigmoid(value: Symbol) -> Symbol:
    """σ(v) = 1 / (1 + e^(−v))."""
    return _apply("sigmoid", value)


def tanh(value: Symbol) -> Symbol:
    """Hyperbolic tangent."""
    return _apply("tanh", value)


def relu(value: Symbol) -> Symbol:
    """max(v, 0)."""
    return _apply("relu", value)


def softplus(value: Symbol) -> Symbol:
    """ln(1 + e^v)."""
    return _apply("softplus", value)


def exp(value: Symbol) -> Symbol:
    """e^v."""
    return _apply("exp", value)


def log(value: Symbol) -> Symbol:
    """Natural logarithm."""
    return _apply("log", value)


def sqrt(value: Symbol) -> Symbol:
    """Square root."""
    return _apply("sqrt", value)


def sin(value: Symbol) -> Symbol:
    """Sine, of radians."""
    return _apply("sin", value)


def cos(value: Symbol) -> Symbol:
    """Cosine, of radians."""
    return _apply("cos", value)


def maximum(left: Symbol | float, right: Symbol | float) -> Symbol:
    """The larger of two values."""
    return _apply("maximum", left, right)


def minimum(left: Symbol | float, right: Symbol | float) -> Symbol:
    """The smaller of two values."""
    return _apply("minimum", left, right)


def _apply(operation: str, *arguments: Symbol | float) -> Symbol:
    for argument in arguments:
        if isinstance(argument, Symbol):
            return argument._apply(operation, *arguments)
    raise CellError(
        f"{operation} of {', '.join(map(repr, arguments))}: no input, state or parameter in it",
        hint="a number is computed with Python's math; of a parameter with gates, name one: b.r",
    )
