"""The functions that a page may apply unit by unit, and those that go over the units of a vector."""

import functools
import operator
from typing import Any, overload

from unspool.errors import CellError
from unspool.lang.words import Gates, Symbol


def sigmoid(value: Symbol | float) -> Symbol:
    """σ(v) = 1 / (1 + e^(−v))."""
    return _apply("sigmoid", value)


def tanh(value: Symbol | float) -> Symbol:
    """Hyperbolic tangent."""
    return _apply("tanh", value)


def relu(value: Symbol | float) -> Symbol:
    """max(v, 0)."""
    return _apply("relu", value)


def softplus(value: Symbol | float) -> Symbol:
    """ln(1 + e^v)."""
    return _apply("softplus", value)


def exp(value: Symbol | float) -> Symbol:
    """e^v."""
    return _apply("exp", value)


def log(value: Symbol | float) -> Symbol:
    """Natural logarithm."""
    return _apply("log", value)


def sqrt(value: Symbol | float) -> Symbol:
    """Square root."""
    return _apply("sqrt", value)


def sin(value: Symbol | float) -> Symbol:
    """Sine, of radians."""
    return _apply("sin", value)


def cos(value: Symbol | float) -> Symbol:
    """Cosine, of radians."""
    return _apply("cos", value)


def sign(value: Symbol | float) -> Symbol:
    """−1, 0 or 1; its derivative is 0."""
    return _apply("sign", value)


def maximum(left: Symbol | float, right: Symbol | float) -> Symbol:
    """The larger of two values."""
    return _apply("maximum", left, right)


def minimum(left: Symbol | float, right: Symbol | float) -> Symbol:
    """The smaller of two values."""
    return _apply("minimum", left, right)


def expm(matrix: Symbol) -> Symbol:
    """The exponential of a square matrix, I + M + M²/2 + …: orthogonal where M is skew-symmetric, A − Aᵀ."""
    return _apply("expm", matrix)


def identity(matrix: Symbol) -> Symbol:
    """The identity matrix of the size of a square one."""
    return _apply("identity", matrix)


def total(vector: Symbol) -> Symbol:
    """The sum over the units, a number."""
    return _apply("sum", vector)


def largest(vector: Symbol) -> Symbol:
    """The largest of the units, a number; at a tie its derivative is shared equally."""
    return _apply("largest", vector)


def mean(vector: Symbol) -> Symbol:
    """The mean over the units, a number."""
    return total(vector) / _apply("size", vector)


def softmax(vector: Symbol) -> Symbol:
    """e^v / total(e^v), with the largest subtracted first so that nothing overflows."""
    powers = exp(vector - largest(vector))
    return powers / total(powers)


@overload
def layer_norm(value: Symbol, epsilon: float = 1e-5) -> Symbol: ...
@overload
def layer_norm(value: Gates[Any], epsilon: float = 1e-5) -> Gates[Any]: ...
def layer_norm(value: Symbol | Gates[Any], epsilon: float = 1e-5) -> Symbol | Gates[Any]:
    """(v − mean(v)) / sqrt(mean((v − mean(v))²) + ε), Ba et al. 2016, arXiv:1607.06450, eq. 3, without gain and bias.

    Of gates, as in `layer_norm(R @ h)`, mean and variance are those of all gates' units together.
    """
    if isinstance(value, Symbol):
        return _normalised([value], epsilon)[0]
    normalised = _normalised(list(value._parts.values()), epsilon)
    return Gates(dict(zip(value._parts, normalised, strict=True)), f"layer_norm({value._name})")


def _normalised(parts: list[Symbol], epsilon: float) -> list[Symbol]:
    """Vectors of one size, normalised as if they were one long one."""
    size = _apply("size", parts[0])
    units = size if len(parts) == 1 else len(parts) * size
    centre = functools.reduce(operator.add, map(total, parts)) / units
    centred = [part - centre for part in parts]
    variance = functools.reduce(operator.add, [total(part * part) for part in centred]) / units
    return [part / sqrt(variance + epsilon) for part in centred]


def _apply(operation: str, *arguments: Symbol | float) -> Symbol:
    for argument in arguments:
        if isinstance(argument, Symbol):
            return argument._apply(operation, *arguments)
    raise CellError(
        f"{operation} of {', '.join(map(repr, arguments))}: no input, state or parameter in it",
        hint="a number is computed with Python's math; of a parameter with gates, name one: b.r",
    )
