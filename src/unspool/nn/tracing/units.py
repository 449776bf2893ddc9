"""torch's operations that work unit by unit, in the words of the language; one operation, one line.

The names are those of `torch.ops.aten`; arguments are symbols and numbers in aten's order.
"""

import math
from collections.abc import Callable
from typing import Any

from unspool.errors import CellError
from unspool.lang import cos, exp, log, maximum, minimum, relu, sigmoid, sign, sin, softplus, sqrt, tanh


def _identity(a: Any) -> Any:
    return a


def _scaled(a: Any, factor: Any) -> Any:
    return a if factor == 1 else factor * a


def _power(a: Any, exponent: Any) -> Any:
    if isinstance(a, int | float):
        if a <= 0:
            raise CellError(f"a power of {a}", hint="the base must be positive")
        return exp(math.log(a) * exponent)
    if isinstance(exponent, int | float):
        simpler = {0.5: sqrt, 1: _identity, 2: lambda b: b * b, -1: lambda b: 1 / b, -0.5: lambda b: 1 / sqrt(b)}
        if exponent in simpler:
            return simpler[exponent](a)
    return a**exponent


def _clamp(a: Any, low: Any = None, high: Any = None) -> Any:
    a = a if low is None else maximum(a, low)
    return a if high is None else minimum(a, high)


def _divide(a: Any, b: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is not None:
        raise CellError(f"division with rounding_mode={rounding_mode!r}")
    return a / b


def _gelu(a: Any, *, approximate: str = "none") -> Any:
    if approximate != "tanh":
        raise CellError("gelu by the error function", hint='approximate="tanh" can be said in the language')
    return 0.5 * a * (1 + tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a * a * a)))


def _elu(a: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    return _scaled(relu(a) + alpha * (exp(minimum(_scaled(a, input_scale), 0.0)) - 1), scale)


def _celu(a: Any, alpha: float = 1.0) -> Any:
    return relu(a) + alpha * (exp(minimum(a, 0.0) / alpha) - 1)


def _softplus(a: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    del threshold  # where torch takes a line for the curve, the two differ by less than e^−20
    return softplus(a) if beta == 1 else softplus(beta * a) / beta


def _greater(a: Any, b: Any) -> Any:
    return relu(sign(a - b))


def _hardsigmoid(a: Any) -> Any:
    return _clamp(a / 6 + 0.5, 0.0, 1.0)


def _threshold(a: Any, threshold: float, value: float) -> Any:
    if threshold or value:
        raise CellError("threshold other than at 0", hint="use relu, clamp or where")
    return relu(a)


UNITWISE: dict[str, Callable[..., Any]] = {
    "add": lambda a, b, alpha=1: a + _scaled(b, alpha),
    "sub": lambda a, b, alpha=1: a - _scaled(b, alpha),
    "rsub": lambda a, b, alpha=1: b - _scaled(a, alpha),
    "mul": lambda a, b: a * b,
    "div": _divide,
    "neg": lambda a: -a,
    "reciprocal": lambda a: 1 / a,
    "pow": _power,
    "square": lambda a: a * a,
    "sqrt": sqrt,
    "rsqrt": lambda a: 1 / sqrt(a),
    "exp": exp,
    "expm1": lambda a: exp(a) - 1,
    "exp2": lambda a: exp(math.log(2) * a),
    "log": log,
    "log1p": lambda a: log(1 + a),
    "log2": lambda a: log(a) / math.log(2),
    "log10": lambda a: log(a) / math.log(10),
    "abs": abs,
    "sign": sign,
    "sgn": sign,
    "sin": sin,
    "cos": cos,
    "tan": lambda a: sin(a) / cos(a),
    "sinh": lambda a: 0.5 * (exp(a) - exp(-a)),
    "cosh": lambda a: 0.5 * (exp(a) + exp(-a)),
    "logaddexp": lambda a, b: maximum(a, b) + softplus(-abs(a - b)),
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "softplus": _softplus,
    "log_sigmoid_forward": lambda a: -softplus(-a),
    "silu": lambda a: a * sigmoid(a),
    "mish": lambda a: a * tanh(softplus(a)),
    "gelu": _gelu,
    "elu": _elu,
    "celu": _celu,
    "leaky_relu": lambda a, slope=0.01: relu(a) - slope * relu(-a),
    "_prelu_kernel": lambda a, slope: relu(a) - slope * relu(-a),
    "hardtanh": lambda a, low=-1.0, high=1.0: _clamp(a, low, high),
    "hardsigmoid": _hardsigmoid,
    "hardswish": lambda a: a * _hardsigmoid(a),
    "threshold": _threshold,
    "maximum": maximum,
    "minimum": minimum,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": lambda a, high: minimum(a, high),
    "lerp": lambda a, b, weight: a + weight * (b - a),
    "addcmul": lambda a, b, c, value=1: a + _scaled(b * c, value),
    "addcdiv": lambda a, b, c, value=1: a + _scaled(b / c, value),
    "gt": _greater,
    "lt": lambda a, b: _greater(b, a),
    "ge": lambda a, b: 1 - _greater(b, a),
    "le": lambda a, b: 1 - _greater(a, b),
    "ne": lambda a, b: abs(sign(a - b)),
    "eq": lambda a, b: 1 - abs(sign(a - b)),
    "logical_not": lambda a: 1 - abs(sign(a)),
    "bitwise_not": lambda a: 1 - a,
    "logical_and": lambda a, b: abs(sign(a * b)),
    "bitwise_and": lambda a, b: a * b,
    "logical_or": lambda a, b: maximum(abs(sign(a)), abs(sign(b))),
    "bitwise_or": maximum,
}
"""A comparison is 1 where it holds and 0 where it does not."""

PARTIAL = frozenset(
    {"div", "reciprocal", "pow", "sqrt", "rsqrt", "exp", "expm1", "exp2", "log", "log1p", "log2", "log10"}
    | {"tan", "sinh", "cosh", "addcdiv"}
)
"""Those that are not finite everywhere, or only just."""

LIKE = {"zeros_like": 0.0, "ones_like": 1.0, "new_zeros": 0.0, "new_ones": 1.0, "empty_like": math.nan,
        "new_empty": math.nan}  # fmt: skip
"""Constant tensors made in the likeness of another; what is empty must not be read before it is written."""

MOVES = frozenset(
    {
        "alias",
        "cat",
        "chunk",
        "clone",
        "copy",
        "diagonal",
        "expand",
        "flip",
        "gather",
        "index",
        "index_select",
        "lift_fresh",
        "lift_fresh_copy",
        "narrow",
        "permute",
        "repeat",
        "reshape",
        "roll",
        "select",
        "select_scatter",
        "slice",
        "slice_scatter",
        "split",
        "split_with_sizes",
        "squeeze",
        "stack",
        "t",
        "transpose",
        "unbind",
        "unfold",
        "unsafe_chunk",
        "unsafe_split",
        "unsafe_split_with_sizes",
        "unsqueeze",
        "view",
        "_reshape_alias",
        "_unsafe_view",
    }
)
"""Those that only move data."""
