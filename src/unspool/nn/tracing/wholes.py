"""torch's operations that go over an axis, or choose, as compositions of reductions and unitwise functions on ids.

The names are those of `torch.ops.aten`. Every function takes the tape, then aten's arguments in aten's order.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unspool.errors import CellError
from unspool.lang import exp, log, sigmoid, sqrt
from unspool.nn.tracing.tape import Tape

Dims = Sequence[int] | int | None


def reduce(tape: Tape, operation: str, a: Tensor, dims: Dims = None, keepdim: bool = False) -> Tensor:
    """Ids of "sum", "largest" or "size" over axes (all, if none are named)."""
    named = [dims] if isinstance(dims, int) else list(dims or range(a.dim()))
    over = sorted(d % a.dim() for d in named) if a.dim() else []
    kept = [d for d in range(a.dim()) if d not in over]
    rows = a.permute(*kept, *over).reshape(math.prod(a.shape[d] for d in kept), -1)
    shape = [1 if d in over else n for d, n in enumerate(a.shape) if keepdim or d not in over]
    return tape.reduce(operation, rows).reshape(shape)


def _sum(tape: Tape, a: Tensor, dims: Dims = None, keepdim: bool = False, **_: Any) -> Tensor:
    return reduce(tape, "sum", a, dims, keepdim)


def _mean(tape: Tape, a: Tensor, dims: Dims = None, keepdim: bool = False, **_: Any) -> Tensor:
    total, units = reduce(tape, "sum", a, dims, keepdim), reduce(tape, "size", a, dims, keepdim)
    return tape.unitwise(lambda s, n: s / n, total, units)


def _amax(tape: Tape, a: Tensor, dims: Dims = None, keepdim: bool = False) -> Tensor:
    return reduce(tape, "largest", a, dims, keepdim)


def _amin(tape: Tape, a: Tensor, dims: Dims = None, keepdim: bool = False) -> Tensor:
    return _minus(tape, _amax(tape, _minus(tape, a), dims, keepdim))


def _max(tape: Tape, a: Tensor, *rest: Any) -> Any:
    """Largest over everything, over one axis with its index (which cannot be used), or of two tensors."""
    return (_amax(tape, a, *rest), None) if rest else _amax(tape, a)


def _min(tape: Tape, a: Tensor, *rest: Any) -> Any:
    return (_amin(tape, a, *rest), None) if rest else _amin(tape, a)


def _var_mean(
    tape: Tape, a: Tensor, dims: Dims = None, *, correction: float | None = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    centre = _mean(tape, a, dims, True)
    centred = tape.unitwise(lambda v, m: v - m, a, centre)
    squares = reduce(tape, "sum", tape.unitwise(lambda v: v * v, centred), dims, keepdim)
    units = reduce(tape, "size", a, dims, keepdim)
    less = 1 if correction is None else correction
    variance = tape.unitwise(lambda s, n: s / (n - less if less else n), squares, units, total=not less)
    return variance, centre.reshape(variance.shape)


def _var(tape: Tape, a: Tensor, dims: Dims = None, **options: Any) -> Tensor:
    return _var_mean(tape, a, dims, **options)[0]


def _std(tape: Tape, a: Tensor, dims: Dims = None, **options: Any) -> Tensor:
    return tape.unitwise(sqrt, _var(tape, a, dims, **options), total=False)


def _std_mean(tape: Tape, a: Tensor, dims: Dims = None, **options: Any) -> tuple[Tensor, Tensor]:
    variance, centre = _var_mean(tape, a, dims, **options)
    return tape.unitwise(sqrt, variance, total=False), centre


def _softmax(tape: Tape, a: Tensor, dim: int, *_: Any) -> Tensor:
    powers = tape.unitwise(lambda v, m: exp(v - m), a, reduce(tape, "largest", a, dim, True))
    return tape.unitwise(lambda p, s: p / s, powers, reduce(tape, "sum", powers, dim, True))


def _log_softmax(tape: Tape, a: Tensor, dim: int, *_: Any) -> Tensor:
    return tape.unitwise(lambda v, s: v - s, a, _logsumexp(tape, a, dim, True))


def _logsumexp(tape: Tape, a: Tensor, dims: Dims, keepdim: bool = False) -> Tensor:
    top = reduce(tape, "largest", a, dims, True)
    powers = tape.unitwise(lambda v, m: exp(v - m), a, top)
    total = reduce(tape, "sum", powers, dims, keepdim)
    return tape.unitwise(lambda m, s: m + log(s), top.reshape(total.shape), total)


def _normalised(tape: Tape, a: Tensor, dims: list[int], epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    variance, centre = _var_mean(tape, a, dims, correction=0, keepdim=True)
    scale = tape.unitwise(lambda v: 1 / sqrt(v + epsilon), variance)
    return tape.unitwise(lambda v, m, s: (v - m) * s, a, centre, scale), centre, scale


def _affine(tape: Tape, a: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    a = a if weight is None else tape.unitwise(lambda v, w: v * w, a, weight)
    return a if bias is None else tape.unitwise(lambda v, b: v + b, a, bias)


def _layer_norm(
    tape: Tape, a: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    normal, centre, scale = _normalised(tape, a, list(range(-len(shape), 0)), epsilon)
    return _affine(tape, normal, weight, bias), centre, scale


def _group_norm(
    tape: Tape, a: Tensor, weight: Tensor | None, bias: Tensor | None, n: int, c: int, hw: int, group: int, eps: float
) -> tuple[Tensor, None, None]:
    normal = _normalised(tape, a.reshape(n, group, -1), [-1], eps)[0].reshape(n, c, hw)
    column = [None if v is None else v[:, None] for v in (weight, bias)]
    return _affine(tape, normal, *column).reshape(a.shape), None, None


def _rms_norm(
    tape: Tape, a: Tensor, shape: list[int], weight: Tensor | None, eps: float | None
) -> tuple[Tensor, Tensor]:
    dims = list(range(-len(shape), 0))
    square = _mean(tape, tape.unitwise(lambda v: v * v, a), dims, True)
    epsilon = torch.finfo(tape.dtype).eps if eps is None else eps
    scale = tape.unitwise(lambda s: 1 / sqrt(s + epsilon), square)
    return _affine(tape, tape.unitwise(lambda v, s: v * s, a, scale), weight, None), scale


def _batch_norm(
    tape: Tape, a: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, var: Tensor, *rest: Any
) -> tuple[Tensor, None, None]:
    training, epsilon = (rest[0] if len(rest) == 3 else False), rest[-1]
    if training or a.dim() != 2:
        raise CellError("it mixes the members of the batch", hint="call module.eval() first, or use LayerNorm")
    normal = tape.unitwise(lambda v, m, s: (v - m) / sqrt(s + epsilon), a, mean, var)
    return _affine(tape, normal, weight, bias), None, None


def _vector_norm(tape: Tape, a: Tensor, order: float = 2, dims: Dims = None, keepdim: bool = False, **_: Any) -> Tensor:
    if order == 2:
        squares = reduce(tape, "sum", tape.unitwise(lambda v: v * v, a), dims, keepdim)
        return tape.unitwise(sqrt, squares, total=False)
    if order not in (1, math.inf):
        raise CellError(f"a norm of order {order}", hint="orders 1, 2 and inf can be said in the language")
    return reduce(tape, "sum" if order == 1 else "largest", tape.unitwise(abs, a), dims, keepdim)


def _where(tape: Tape, condition: Tensor, a: Any, b: Any) -> Tensor:
    for chosen in (a, b):
        if isinstance(chosen, Tensor) and not tape.is_total((chosen // tape.batch).numpy()):
            raise CellError(
                "a choice by `where` between values of which one may not be finite",
                hint="both sides are computed and weighted with 0 and 1: clamp what goes into a log, root or quotient",
            )
    return tape.unitwise(lambda c, v, w: c * v + (1 - c) * w, condition, a, b)


def _masked_fill(tape: Tape, a: Tensor, mask: Tensor, value: Any) -> Tensor:
    return _where(tape, mask, value if isinstance(value, Tensor) else tape.number(float(value), []), a)


def _glu(tape: Tape, a: Tensor, dim: int = -1) -> Tensor:
    return tape.unitwise(lambda v, g: v * sigmoid(g), *a.chunk(2, dim))


def _matrix_vector(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    return reduce(tape, "sum", tape.unitwise(lambda v, w: v * w, a, b), -1)


def _minus(tape: Tape, a: Tensor) -> Tensor:
    return tape.unitwise(lambda v: -v, a)


WHOLES: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "mean": _mean,
    "amax": _amax,
    "amin": _amin,
    "max": _max,
    "min": _min,
    "var": _var,
    "var_mean": _var_mean,
    "std": _std,
    "std_mean": _std_mean,
    "_softmax": _softmax,
    "_safe_softmax": _softmax,
    "_log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "native_layer_norm": _layer_norm,
    "native_group_norm": _group_norm,
    "_fused_rms_norm": _rms_norm,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "linalg_vector_norm": _vector_norm,
    "where": _where,
    "masked_fill": _masked_fill,
    "glu": _glu,
    "mv": _matrix_vector,
    "dot": _matrix_vector,
}
