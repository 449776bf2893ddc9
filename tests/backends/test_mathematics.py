"""Elementary functions as LLVM instructions: within 4 ulp of the true value, on processors with and without FMA."""

import ctypes
import platform
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir

from unspool.backends.llvm.mathematics import emit

BOUND = 4.0  # ulp; in float64 that is 9e-16
WIDTHS = [1, 4, 8, 16]
DTYPES = [np.float32, np.float64]
X86 = platform.machine().lower() in ("x86_64", "amd64")
TARGETS = {
    "host": (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()),
    "sse2": ("x86-64", "+sse2"),
    "avx2,fma": ("x86-64", "+avx2,+fma"),
}
EXTENDED = pytest.param(
    np.float64, marks=pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no type longer than float64")
)

UNARY: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log": np.log,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "sign": np.sign,
    "negate": np.negative,
    "relu": lambda x: np.maximum(x, 0),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {"maximum": np.maximum, "minimum": np.minimum, "power": np.power}
EXPONENTS = [-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 0.375]


def target_machine(target: str) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = TARGETS[target]
    if target != "host" and not X86:
        pytest.skip("not an x86 processor")
    if "fma" in target and not all(llvm.get_host_cpu_features().get(f) for f in ("avx2", "fma")):
        pytest.skip("no AVX2 and FMA here")
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=3)


def mapped(operation: str, dtype: type, width: int, constants: tuple[float, ...]) -> ir.Module:
    """A module whose `kernel(result, a, b, count)` writes `operation` of every `width` numbers of a and b.

    `constants` take the place of the last arguments.
    """
    element = ir.FloatType() if dtype is np.float32 else ir.DoubleType()
    vector, long, pointer = ir.VectorType(element, width), ir.IntType(64), ir.PointerType()
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 3 + [long]), "kernel")
    result, *operands, count = function.args
    entry, loop, end = (function.append_basic_block(name) for name in ("entry", "loop", "end"))
    ir.IRBuilder(entry).branch(loop)
    builder: Any = ir.IRBuilder(loop)
    i = builder.phi(long)
    arity = (2 if operation in BINARY else 1) - len(constants)
    size = np.dtype(dtype).itemsize
    given = [
        builder.load(builder.gep(operand, [i], source_etype=element), typ=vector, align=size)
        for operand in operands[:arity]
    ]
    given += [ir.Constant(vector, [constant] * width) for constant in constants]
    value = emit(builder, operation, *given)
    builder.store(value, builder.gep(result, [i], source_etype=element), align=size)
    following = builder.add(i, ir.Constant(long, width))
    i.add_incoming(ir.Constant(long, 0), entry)
    i.add_incoming(following, loop)
    builder.cbranch(builder.icmp_unsigned("<", following, count), loop, end)
    ir.IRBuilder(end).ret_void()
    return module


@cache
def engine_of(operation: str, dtype: type, width: int, target: str, constants: tuple[float, ...]) -> Any:
    machine = target_machine(target)
    module = llvm.parse_assembly(str(mapped(operation, dtype, width, constants)))
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def run(
    operation: str, *arguments: np.ndarray, width: int = 8, target: str = "host", constants: tuple[float, ...] = ()
) -> np.ndarray:
    """The operation of whole arrays; a last vector that is not full is filled with zeros."""
    count = len(arguments[0])
    padded = [np.concatenate([a, np.zeros(-count % width, a.dtype)]) for a in arguments]
    result = np.empty_like(padded[0])
    engine = engine_of(operation, arguments[0].dtype.type, width, target, constants)
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(engine.get_function_address("kernel"))
    kernel(result.ctypes.data, padded[0].ctypes.data, padded[-1].ctypes.data, len(result))
    return result[:count]


@cache
def samples(dtype: type) -> np.ndarray:
    """Bit patterns at random, the ranges where the functions change, every size, and the special numbers."""
    info = np.finfo(dtype)
    single = dtype is np.float32
    count, reach = (300_000, 110) if single else (100_000, 760)
    bits = np.random.default_rng(0).integers(0, 2**info.bits, 1_000_000 if single else 200_000, f"u{info.bits // 8}")
    special = [0.0, np.inf, np.nan, 1.0, info.eps, info.tiny, info.smallest_subnormal, info.max, 0.5**0.5]
    with np.errstate(over="ignore"):
        sizes = np.logspace(np.log10(float(info.smallest_subnormal)), np.log10(float(info.max)), count)
        parts = [
            np.linspace(-reach, reach, count),
            np.linspace(-12, 12, count),
            np.linspace(-1, 1, count),
            1 + np.linspace(-1e-3, 1e-3, count),
            sizes,
            -sizes,
            special,
            np.negative(special),
        ]
        return np.concatenate([bits.view(dtype), *(np.asarray(part).astype(dtype) for part in parts)])


def errors(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Distance in ulp of the true value's format; inf where one is NaN and the other is not."""
    dtype = found.dtype
    integer = f"i{dtype.itemsize}"
    with np.errstate(all="ignore"):
        rounded = true.astype(dtype)
        ulp = np.spacing(np.minimum(np.abs(rounded), np.finfo(dtype).max))
        distance = np.abs(found.astype(true.dtype) - true) / ulp.astype(true.dtype)
        # Next to the overflow: inf is the number after the largest.
        steps = np.abs(found.view(integer).astype(float) - rounded.view(integer).astype(float))
    distance = np.where(np.isfinite(found) & np.isfinite(rounded), distance, steps)
    both, either = np.isnan(found) & np.isnan(rounded), np.isnan(found) | np.isnan(rounded)
    return np.where(both, 0.0, np.where(either, np.inf, distance)).astype(float)


def check(label: str, found: np.ndarray, true: np.ndarray, *arguments: np.ndarray) -> None:
    distance = errors(found, true)
    worst = int(np.argmax(distance))
    shown = ", ".join(repr(a[worst]) for a in arguments)
    error = f"{label}({shown}) is {found[worst]!r}, not {true[worst]!r}: {distance[worst]:.3f} ulp"
    assert distance[worst] <= BOUND, error


def true_value(function: Callable[..., Any], *arguments: np.ndarray) -> np.ndarray:
    longer = np.float64 if arguments[0].dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        return function(*(a.astype(longer) for a in arguments))


@cache
def true_samples(operation: str, dtype: type) -> np.ndarray:
    return true_value(UNARY[operation], samples(dtype))


def pairs(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    a = samples(dtype)[::7]
    return a, np.random.default_rng(1).permutation(a)


@pytest.mark.parametrize(
    ("target", "width"), [("host", width) for width in WIDTHS] + [("sse2", 4), ("sse2", 8), ("avx2,fma", 8)]
)
@pytest.mark.parametrize("dtype", [np.float32, EXTENDED])
@pytest.mark.parametrize("operation", UNARY)
def test_of_one_vector(operation: str, dtype: type, target: str, width: int):
    some = slice(None, None, 1 if width == 8 else 10)  # the width changes nothing but the number of lanes
    x = samples(dtype)[some]
    check(operation, run(operation, x, width=width, target=target), true_samples(operation, dtype)[some], x)


@pytest.mark.parametrize(("target", "width"), [*(("host", width) for width in WIDTHS), ("sse2", 8), ("avx2,fma", 8)])
@pytest.mark.parametrize("dtype", [np.float32, EXTENDED])
@pytest.mark.parametrize("operation", BINARY)
def test_of_two_vectors(operation: str, dtype: type, target: str, width: int):
    a, b = pairs(dtype)
    if operation == "power":
        b[::2] = np.random.default_rng(2).uniform(-30, 30, len(b[::2]))  # for powers that are neither 0 nor inf
    found = run(operation, a, b, width=width, target=target)
    check(operation, found, true_value(BINARY[operation], a, b), a, b)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [np.float32, EXTENDED])
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_power_of_a_constant(exponent: float, dtype: type, target: str):
    x = samples(dtype)[::3]
    if abs(exponent) == 0.5:
        x = x[np.isfinite(x)]
    found = run("power", x, constants=(exponent,), target=target)
    with np.errstate(all="ignore"):
        halves = {0.5: np.sqrt, -0.5: lambda x: 1 / np.sqrt(x)}
        true = true_value(halves.get(exponent, lambda x: np.power(x, x.dtype.type(exponent))), x)
    check(f"power {exponent}", found, true, x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0])
def test_powers_that_are_products_and_roots_call_nothing(exponent: float, dtype: type):
    assert "llvm.pow" not in str(mapped("power", dtype, 8, (exponent,)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", ["exp", "tanh", "sigmoid", "log", "softplus"])
@pytest.mark.parametrize("target", TARGETS)
def test_inline_functions_call_nothing(operation: str, dtype: type, target: str):
    machine = target_machine(target)
    module = llvm.parse_assembly(str(mapped(operation, dtype, 8, ())))
    assert "call" not in machine.emit_assembly(module)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", ["tanh", "sin", "sqrt", "sign"])
def test_the_sign_of_zero_is_kept(operation: str, dtype: type, target: str):
    zeros = np.array([0.0, -0.0], dtype)
    found = run(operation, zeros, target=target)
    assert (found == 0).all()
    assert (np.signbit(found) == np.signbit(zeros)).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_at_the_ends(dtype: type, target: str):
    x = np.array([-np.inf, np.inf, np.nan], dtype)
    ends = {
        "exp": [0, np.inf, np.nan],
        "tanh": [-1, 1, np.nan],
        "sigmoid": [0, 1, np.nan],
        "log": [np.nan, np.inf, np.nan],
        "softplus": [0, np.inf, np.nan],
        "relu": [0, np.inf, np.nan],
        "sign": [-1, 1, np.nan],
    }
    for operation, expected in ends.items():
        np.testing.assert_array_equal(run(operation, x, target=target), np.array(expected, dtype), operation)
    np.testing.assert_array_equal(run("log", np.array([0, -0.0, -1], dtype)), [-np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("operation", ["maximum", "minimum"])
def test_nan_on_either_side_is_nan(operation: str):
    a, b = np.array([np.nan, 1, np.nan, 2], np.float32), np.array([1, np.nan, np.nan, 3], np.float32)
    assert np.isnan(run(operation, a, b)).tolist() == [True, True, True, False]


@pytest.mark.parametrize("x", [1e-30, -1e-30, 1e-45, 3e-4])
def test_small_arguments_are_exact_to_the_last_bits(x: float):
    a = np.array([x], np.float32)
    check("tanh", run("tanh", a), np.tanh(a.astype(float)), a)
