"""The value of an equation in plain NumPy float64, from its tree: neither a graph nor a backend takes part.

Stricter than NumPy: only equal shapes and numbers meet unit by unit, and vectors are not written side by side.
"""

from collections.abc import Callable

import numpy as np

from unspool.errors import CellError
from unspool.lang.equations import (
    Binary,
    Bracket,
    Call,
    Expression,
    Name,
    Negate,
    Number,
    Power,
    Transpose,
)
from unspool.testing.known import Array, Known


def evaluate(expression: Expression, known: Known) -> Array:
    """The value of a right-hand side.

    Raises:
        CellError: a name is not known, or shapes do not fit.
    """
    match expression:
        case Number():
            return np.float64(expression.value)
        case Name():
            return known.value(expression)
        case Bracket(inner):
            return evaluate(inner, known)
        case Negate(inner):
            return -evaluate(inner, known)
        case Transpose(matrix):
            return _matrix(evaluate(matrix, known)).T
        case Power(base, exponent):
            return _power(evaluate(base, known), evaluate(exponent, known))
        case Call(function, arguments):
            return _FUNCTIONS[function](*(evaluate(a, known) for a in arguments))
        case Binary("@", left, right):
            return _side_by_side(evaluate(left, known), evaluate(right, known))
        case Binary(operator, left, right):
            return _unit_by_unit(operator, evaluate(left, known), evaluate(right, known))


def _side_by_side(left: Array, right: Array) -> Array:
    if np.ndim(left) == 0 or np.ndim(right) == 0:
        return left * right
    if np.ndim(left) == 1:
        raise CellError(f"a vector {_shape(left)} and {_shape(right)} stand side by side: ∘ multiplies unit by unit")
    if np.shape(left)[1] != np.shape(right)[0]:
        raise CellError(f"a matrix {_shape(left)} does not fit {_shape(right)}")
    return left @ right


def _unit_by_unit(operator: str, left: Array, right: Array) -> Array:
    if np.shape(left) != np.shape(right) and np.ndim(left) and np.ndim(right):
        raise CellError(f"{_shape(left)} {operator} {_shape(right)} does not fit")
    if operator in ("+", "−") and {np.ndim(left), np.ndim(right)} == {0, 2}:
        raise CellError(f"a matrix {operator} a number: γ I is the number on the diagonal")
    return _OPERATORS[operator](left, right)


def _power(base: Array, exponent: Array) -> Array:
    if np.ndim(exponent) or np.ndim(base) == 2:
        raise CellError("a power is of a number or a vector, to a number")
    return base**exponent


def _matrix(matrix: Array) -> Array:
    if np.ndim(matrix) != 2:
        raise CellError("ᵀ is of a matrix")
    return matrix


def _matrix_exponential(matrix: Array) -> Array:
    """The series at a matrix halved until it is small, squared as many times."""
    halvings = max(0, int(np.ceil(np.log2(max(np.abs(matrix).sum(1).max(), 1e-300)))) + 1)
    small = matrix / 2**halvings
    term = total = np.eye(len(matrix))
    for k in range(1, 20):
        term = term @ small / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def _layer_norm(vector: Array, epsilon: float = 1e-5) -> Array:
    return (vector - np.mean(vector)) / np.sqrt(np.var(vector) + epsilon)


def _softmax(vector: Array) -> Array:
    powers = np.exp(vector - np.max(vector))
    return powers / np.sum(powers)


def _shape(value: Array) -> str:
    return str(list(np.shape(value)))


_OPERATORS: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "−": np.subtract,
    "∘": np.multiply,
    "/": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}

_FUNCTIONS: dict[str, Callable[..., Array]] = {
    "σ": lambda v: np.where(v < 0, np.exp(np.minimum(v, 0)), 1.0) / (1 + np.exp(-np.abs(v))),
    "tanh": np.tanh,
    "relu": lambda v: np.maximum(v, 0.0),
    "softplus": lambda v: np.maximum(v, 0.0) + np.log1p(np.exp(-np.abs(v))),
    "exp": np.exp,
    "expm": _matrix_exponential,
    "log": np.log,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "sign": np.sign,
    "abs": np.abs,
    "max": lambda v, w: _unit_by_unit("max", v, w),
    "min": lambda v, w: _unit_by_unit("min", v, w),
    "total": np.sum,
    "mean": np.mean,
    "largest": np.max,
    "softmax": _softmax,
    "LN": _layer_norm,
}
