"""The functions that a page may apply, unit by unit."""

from unspool.lang.words import Symbol


def sigmoid(value: Symbol) -> Symbol:
    """σ(v) = 1 / (1 + e^(−v))."""
    return value._apply("sigmoid", value)


def tanh(value: Symbol) -> Symbol:
    """Hyperbolic tangent."""
    return value._apply("tanh", value)


def relu(value: Symbol) -> Symbol:
    """max(v, 0)."""
    return value._apply("relu", value)


def softplus(value: Symbol) -> Symbol:
    """ln(1 + e^v)."""
    return value._apply("softplus", value)


def exp(value: Symbol) -> Symbol:
    """e^v."""
    return value._apply("exp", value)


def log(value: Symbol) -> Symbol:
    """Natural logarithm."""
    return value._apply("log", value)


def sqrt(value: Symbol) -> Symbol:
    """Square root."""
    return value._apply("sqrt", value)


def sin(value: Symbol) -> Symbol:
    """Sine, of radians."""
    return value._apply("sin", value)


def cos(value: Symbol) -> Symbol:
    """Cosine, of radians."""
    return value._apply("cos", value)


def maximum(left: Symbol, right: Symbol | float) -> Symbol:
    """The larger of two values."""
    return left._apply("maximum", left, right)


def minimum(left: Symbol, right: Symbol | float) -> Symbol:
    """The smaller of two values."""
    return left._apply("minimum", left, right)
