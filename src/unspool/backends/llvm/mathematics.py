"""Elementary functions of vectors as LLVM instructions: one operation, one line in the table at the end.

`emit(builder, "tanh", x)` writes the function of x, <W x float> or <W x double>, where the builder stands.
sin, cos and powers that are not in `_POWERS` become calls of the C library, lane by lane; the rest is inline
and without branches.

Largest error found, in ulp (half is a correctly rounded result): down to softplus among 2·10⁸ float32 of every
exponent and 7·10⁶ float64, below it among the tests' samples; denormal arguments and results are in both. The tests
ask for at most 4.

                          float32         float64
                        FMA    none     FMA    none
    exp                 0.88    1.17    0.86    1.16
    tanh                2.50    2.56    2.58    2.56
    sigmoid             2.42    2.38    2.44    2.44
    log                 0.89    0.91    1.23    1.21
    softplus            1.79    1.78    2.13    2.19
    x^−2, x^4           1.90    1.90    1.90    1.90
    x^3                 1.28    1.28    1.29    1.29
    x^−0.5              1.46    1.46    1.50    1.50
    x^2, x^−1, sqrt     0.50    0.50    0.50    0.50
    sin, cos            0.57    0.57    0.52    0.52    (glibc)
    other powers        0.51    0.51    0.51    0.51    (glibc)

negate, abs, sign, relu, maximum and minimum are exact.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir


def emit(builder: ir.IRBuilder, operation: str, *arguments: ir.Value) -> ir.Value:
    """Write `operation` of vectors of one type at the builder's position; the value is a vector of that type.

    NaN gives NaN, but for a power of 0.
    """
    return _EMITTERS[operation](_Lanes(builder, arguments[0]), *arguments)


def _exp(v: "_Lanes", x: ir.Value) -> ir.Value:
    # One factor 2^n would overflow or be denormal at either end, half of n never is: two halves, of 2·bias + n so that
    # each comes with a bias of its own, and the only product that rounds is the last.
    x = v.at_most(v.at_least(x, v.format.exp_lowest), v.format.exp_highest)
    p, bits = _power_of_e(v, x, 2 * v.format.bias)
    half = v.builder.lshr(bits, v.integer(1))
    return v.multiply(v.multiply(p, v.power_of_two(half)), v.power_of_two(v.builder.sub(bits, half)))


def _power_of_e(v: "_Lanes", x: ir.Value, bias: int, sign: int = 1) -> tuple[ir.Value, ir.Value]:
    """exp(sign·x) = p·2^n: p in √½ … √2, and an integer whose low bits are n + bias."""
    minus_n, bits = v.nearest_integer(x, sign / math.log(2), bias)
    r = v.fused(minus_n, v.number(sign * v.format.ln2_high), x)
    r = v.fused(minus_n, v.number(sign * v.format.ln2_low), r)
    return v.polynomial(r, [c * sign**i for i, c in enumerate(v.format.exp)]), bits


def _sigmoid(v: "_Lanes", x: ir.Value) -> ir.Value:
    # k / (k + k·exp(−x)), where k is small enough that k·exp(−x) is finite where the quotient is still not 0.
    k = v.number(2.0**-v.format.shift)
    x = v.at_most(v.at_least(x, v.format.exp_lowest), v.format.sigmoid_highest)
    p, bits = _power_of_e(v, x, v.format.bias - v.format.shift, -1)
    return v.builder.fdiv(k, v.fused(p, v.power_of_two(bits), k))


def _tanh(v: "_Lanes", x: ir.Value) -> ir.Value:
    # d / (1 − d) of d = (1 − exp(−2x))/2 = p·s − (s − 1)/2, where s = 2^n, x = r − n·ln2/2 and p = (1 − exp(−2r))/2.
    # Where x is small, d is near x. A zero keeps its sign through all of it; other ways to write these sums lose it.
    # What ln2 in one number lacks shows only in exp(−2x) that are too large or too small for it to matter.
    x = v.at_most(v.at_least(x, -v.format.tanh_highest), v.format.tanh_highest)
    minus_n, bits = v.nearest_integer(x, -2 / math.log(2), v.format.bias)
    r = v.fused(minus_n, v.number(-math.log(2) / 2), x)
    p = v.fused(v.multiply(r, v.polynomial(r, v.format.tanh)), r, r)
    s = v.power_of_two(bits)
    d = v.fused_less(p, s, v.fused(s, v.number(0.5), v.number(-0.5)))
    return v.builder.fdiv(d, v.subtract(v.number(1.0), d))


def _log(v: "_Lanes", x: ir.Value) -> ir.Value:
    # x = 2^k·m, m in √½ … √2. The integer `bits` is x's, moved so that m's lowest value has an empty fraction.
    small = v.builder.fcmp_ordered("<", x, v.number(v.format.smallest_normal))
    normal = v.builder.select(small, v.multiply(x, v.number(2.0**v.format.shift)), x)
    root = v.bits(v.number(math.sqrt(0.5)))
    one = v.integer(v.format.bias << v.format.fraction)
    bits = v.builder.add(v.bits(normal), v.builder.sub(one, root))
    # Written into the fraction of 2^fraction, an integer is a float: no conversion, which AVX2 lacks for 64 bits.
    magic = 2.0**v.format.fraction
    k = v.floats(v.builder.or_(v.builder.lshr(bits, v.integer(v.format.fraction)), v.bits(v.number(magic))))
    offset = magic + v.format.bias
    k = v.subtract(k, v.builder.select(small, v.number(offset + v.format.shift), v.number(offset)))
    mantissa = v.builder.and_(bits, v.integer((1 << v.format.fraction) - 1))
    m = v.floats(v.builder.add(mantissa, root))
    low = v.fused(k, v.number(v.format.ln2_low), _log1p(v, v.subtract(m, v.number(1.0))))
    result = v.fused(k, v.number(v.format.ln2_high), low)
    zero = v.number(0.0)
    at_most_zero = v.builder.select(v.builder.fcmp_ordered("==", x, zero), v.number(-math.inf), v.number(math.nan))
    result = v.builder.select(v.builder.fcmp_ordered("<=", x, zero), at_most_zero, result)
    # inf and NaN are their own logarithm.
    return v.builder.select(v.builder.fcmp_unordered(">=", x, v.number(math.inf)), x, result)


def _log1p(v: "_Lanes", f: ir.Value) -> ir.Value:
    """log(1 + f) for f in √½ − 1 … √2 − 1, as FreeBSD's libm computes it: f − (f²/2 − s·(f²/2 + …))."""
    s = v.builder.fdiv(f, v.add(f, v.number(2.0)))
    z = v.multiply(s, s)
    square = v.multiply(v.multiply(f, f), v.number(0.5))
    rest = v.fused(z, v.polynomial(z, v.format.log), square)
    return v.subtract(f, v.fused(v.builder.fneg(s), rest, square))


def _softplus(v: "_Lanes", x: ir.Value) -> ir.Value:
    # max(x, 0) + log(1 + e), e = exp(−|x|); log(1 + e) is ln2 + log(1 + (e − 1)/2) where e is large.
    size = v.at_most(v.intrinsic("fabs", x), -v.format.exp_lowest)
    p, bits = _power_of_e(v, size, v.format.bias + v.format.shift, -1)
    e = v.multiply(v.multiply(p, v.power_of_two(bits)), v.number(2.0**-v.format.shift))
    large = v.builder.fcmp_ordered(">", e, v.number(math.sqrt(2) - 1))
    f = v.builder.select(large, v.fused(e, v.number(0.5), v.number(-0.5)), e)
    log = v.add(_log1p(v, f), v.builder.select(large, v.number(math.log(2)), v.number(0.0)))
    return v.add(v.at_least(x, 0.0), log)


def _sign(v: "_Lanes", x: ir.Value) -> ir.Value:
    negative = v.builder.select(v.builder.fcmp_ordered("<", x, v.number(0.0)), v.number(-1.0), x)
    return v.builder.select(v.builder.fcmp_ordered(">", x, v.number(0.0)), v.number(1.0), negative)


def _maximum(v: "_Lanes", a: ir.Value, b: ir.Value) -> ir.Value:
    greater = v.builder.select(v.builder.fcmp_ordered(">", a, b), a, b)  # one instruction on x86; b where one is NaN
    return v.builder.select(v.builder.fcmp_unordered("uno", a, a), a, greater)


def _minimum(v: "_Lanes", a: ir.Value, b: ir.Value) -> ir.Value:
    less = v.builder.select(v.builder.fcmp_ordered("<", a, b), a, b)
    return v.builder.select(v.builder.fcmp_unordered("uno", a, a), a, less)


def _power(v: "_Lanes", x: ir.Value, exponent: ir.Value) -> ir.Value:
    written = _POWERS.get(_number(exponent))
    return written(v, x) if written else v.intrinsic("pow", x, exponent)


def _number(value: ir.Value) -> float | None:
    """The number that every lane of a constant is."""
    if not isinstance(value, ir.Constant) or not isinstance(value.constant, Sequence):
        return None
    lanes = {float(lane.constant if isinstance(lane, ir.Constant) else lane) for lane in value.constant}
    return lanes.pop() if len(lanes) == 1 else None


def _square(v: "_Lanes", x: ir.Value) -> ir.Value:
    return v.multiply(x, x)


def _reciprocal(v: "_Lanes", x: ir.Value) -> ir.Value:
    return v.builder.fdiv(v.number(1.0), x)


def _sqrt(v: "_Lanes", x: ir.Value) -> ir.Value:
    return v.intrinsic("sqrt", x)


@dataclass(frozen=True)
class _Format:
    """Constants of one floating-point format."""

    name: str
    width: int
    """Bits of a number."""
    fraction: int
    """Bits of its fraction."""
    bias: int
    """What is added to its exponent."""
    smallest_normal: float
    shift: int
    """Exponents from the smallest normal number to below the smallest denormal one."""
    exp_lowest: float
    """exp is 0 from here down, and 2^n of it is in range."""
    exp_highest: float
    """exp is inf from here up."""
    sigmoid_highest: float
    """sigmoid is 1 from here up."""
    tanh_highest: float
    """tanh is 1 from here up."""
    ln2_high: float
    """ln2 to so few bits that its product with any exponent is exact."""
    ln2_low: float
    exp: tuple[float, ...]
    """exp(r) on |r| ≤ ln2/2."""
    tanh: tuple[float, ...]
    """((1 − exp(−2r))/2 − r)/r² on |r| ≤ ln2/4."""
    log: tuple[float, ...]
    """(log(1 + f) − 2s)/s³ with s = f/(2 + f), of s²."""


class _Lanes:
    """Arithmetic on vectors of the type of `example`, where a builder stands."""

    # Any, since llvmlite is not typed, and what its source looks like to a type checker is not so.
    def __init__(self, builder: Any, example: Any) -> None:
        self.builder = builder
        self.vector = example.type
        self.format = _DOUBLE if isinstance(self.vector.element, ir.DoubleType) else _FLOAT
        self.integers = ir.VectorType(ir.IntType(self.format.width), self.vector.count)

    def number(self, value: float) -> ir.Constant:
        """`value` in every lane."""
        return ir.Constant(self.vector, [value] * self.vector.count)

    def integer(self, value: int) -> ir.Constant:
        """`value` in every lane of an integer vector of the same width."""
        return ir.Constant(self.integers, [value] * self.vector.count)

    def bits(self, x: ir.Value) -> ir.Value:
        """Floats as integers, bit by bit."""
        return self.builder.bitcast(x, self.integers)

    def floats(self, bits: ir.Value) -> ir.Value:
        """Integers as floats, bit by bit."""
        return self.builder.bitcast(bits, self.vector)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The sum a + b, never fused."""
        return self.builder.fadd(a, b)

    def subtract(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The difference a − b, never fused."""
        return self.builder.fsub(a, b)

    def multiply(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The product a·b, never fused."""
        return self.builder.fmul(a, b)

    def fused(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """a·b + c, rounded once where the target can."""
        return self.builder.fadd(self.builder.fmul(a, b, flags=["contract"]), c, flags=["contract"])

    def fused_less(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """a·b − c, rounded once where the target can."""
        return self.builder.fsub(self.builder.fmul(a, b, flags=["contract"]), c, flags=["contract"])

    def polynomial(self, x: ir.Value, coefficients: Sequence[float]) -> ir.Value:
        """Σ coefficients[i]·x^i."""
        value: ir.Value = self.number(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            value = self.fused(value, x, self.number(coefficient))
        return value

    def at_least(self, x: ir.Value, low: float) -> ir.Value:
        """max(x, low), NaN where x is; in this order of operands one instruction on x86."""
        bound = self.number(low)
        return self.builder.select(self.builder.fcmp_ordered(">", bound, x), bound, x)

    def at_most(self, x: ir.Value, high: float) -> ir.Value:
        """min(x, high), NaN where x is."""
        bound = self.number(high)
        return self.builder.select(self.builder.fcmp_ordered("<", bound, x), bound, x)

    def nearest_integer(self, x: ir.Value, factor: float, bias: int) -> tuple[ir.Value, ir.Value]:
        """−n, where n is the integer next to factor·x, and an integer whose low bits are n + bias. A zero is +0.

        Added to 1.5·2^fraction a number loses its fraction, and what is left stands in the low bits. (SSE2 has no
        instruction that rounds.) None of the flags here lets LLVM cancel the two sums.
        """
        magic = self.number(1.5 * 2.0**self.format.fraction + bias)
        rounded = self.fused(x, self.number(factor), magic)
        return self.subtract(magic, rounded), self.bits(rounded)

    def power_of_two(self, bits: ir.Value) -> ir.Value:
        """2^n of an integer whose low bits are n + the format's bias; the others are lost."""
        return self.floats(self.builder.shl(bits, self.integer(self.format.fraction)))

    def intrinsic(self, name: str, *arguments: ir.Value) -> ir.Value:
        """LLVM's own function of vectors of this type."""
        full_name = f"llvm.{name}.v{self.vector.count}{self.format.name}"
        module = self.builder.module
        function = module.globals.get(full_name)
        if function is None:
            function = ir.Function(module, ir.FunctionType(self.vector, [self.vector] * len(arguments)), full_name)
        return self.builder.call(function, arguments)


# The polynomials of exp and tanh are minimax fits of the relative error with rounded coefficients (the first ones are
# exact, so that small arguments are); those of log are FreeBSD's.
_FLOAT = _Format(
    name="f32",
    width=32,
    fraction=23,
    bias=127,
    smallest_normal=2.0**-126,
    shift=24,
    exp_lowest=-104.0,
    exp_highest=89.0,
    sigmoid_highest=30.0,
    tanh_highest=9.5,
    ln2_high=0.693145751953125,
    ln2_low=1.4286068203094173e-06,
    exp=(
        1.0, 1.0, 0.4999999403953552, 0.1666651964187622, 0.04166824370622635, 0.008368839509785175,
        0.0013822948094457388,
    ),
    tanh=(-0.9999999403953552, 0.66666179895401, -0.3333396911621094, 0.1338629126548767, -0.044378992170095444),
    log=(0.6666666269302368, 0.40000972151756287, 0.28498786687850952, 0.24279078841209412),
)  # fmt: skip
_DOUBLE = _Format(
    name="f64",
    width=64,
    fraction=52,
    bias=1023,
    smallest_normal=2.0**-1022,
    shift=54,
    exp_lowest=-746.0,
    exp_highest=710.0,
    sigmoid_highest=40.0,
    tanh_highest=20.0,
    ln2_high=0.6931471805592082,
    ln2_low=7.371002565167799e-13,
    exp=(
        1.0, 1.0, 0.5000000000000011, 0.16666666666666424, 0.04166666666652633, 0.008333333333486981,
        0.001388888894463103, 0.00019841269523098413, 2.4801492049807683e-05, 2.755757107928501e-06,
        2.7630629673678825e-07, 2.5005128630993014e-08,
    ),
    tanh=(
        -1.000000000000001, 0.6666666666666641, -0.33333333333258625, 0.13333333333410674, -0.04444444458421035,
        0.012698412631116197, -0.0031745925313683915, 0.0007054692341871936, -0.00014144750946367454,
        2.5660266201700292e-05,
    ),
    log=(
        6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
        1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
    ),
)  # fmt: skip

# Roundings add up along a chain of products: these stay within the bound of 4 ulp. As torch has it, the half powers of
# −0 and −inf are those of the root.
_POWERS: dict[float | None, Callable[[_Lanes, ir.Value], ir.Value]] = {
    -2.0: lambda v, x: _square(v, _reciprocal(v, x)),
    -1.0: _reciprocal,
    -0.5: lambda v, x: _reciprocal(v, _sqrt(v, x)),
    0.0: lambda v, x: v.number(1.0),
    0.5: _sqrt,
    1.0: lambda v, x: x,
    2.0: _square,
    3.0: lambda v, x: v.multiply(_square(v, x), x),
    4.0: lambda v, x: _square(v, _square(v, x)),
}

_EMITTERS: dict[str, Callable[..., ir.Value]] = {
    "exp": _exp,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "log": _log,
    "softplus": _softplus,
    "sqrt": _sqrt,
    "abs": lambda v, x: v.intrinsic("fabs", x),
    "sin": lambda v, x: v.intrinsic("sin", x),
    "cos": lambda v, x: v.intrinsic("cos", x),
    "sign": _sign,
    "negate": lambda v, x: v.builder.fneg(x),
    "relu": lambda v, x: v.at_least(x, 0.0),
    "maximum": _maximum,
    "minimum": _minimum,
    "power": _power,
}
