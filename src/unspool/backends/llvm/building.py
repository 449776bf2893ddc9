"""Control flow and memory, as the generator writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

Builder = Any
"""An `ir.IRBuilder`, and below what it returns: llvmlite has no types for a checker to read."""

Value = Any

I64 = ir.IntType(64)
I32 = ir.IntType(32)
I8 = ir.IntType(8)
BIT = ir.IntType(1)
POINTER = ir.PointerType()
CONTRACT = ("contract",)
"""A product and a sum may become one fused operation, where the processor has it."""


def number(value: int) -> ir.Constant:
    """A 64-bit integer."""
    return ir.Constant(I64, value)


_SPINS = 4000
"""Looks at the barrier before a thread gives its core away: some microseconds."""


@contextmanager
def loop(b: Builder, start: Value, stop: Value, step: Value | None = None, name: str = "i") -> Iterator[Any]:
    """For i in range(start, stop, step): the builder stands in the body, then behind the loop."""
    before = b.block
    head = b.append_basic_block(f"{name}.head")
    body = b.append_basic_block(f"{name}.body")
    after = b.append_basic_block(f"{name}.after")
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(I64, name)
    index.add_incoming(start, before)
    b.cbranch(b.icmp_signed("<", index, stop), body, after)
    b.position_at_end(body)
    yield index
    index.add_incoming(b.add(index, step or number(1)), b.block)
    b.branch(head)
    b.position_at_end(after)


@contextmanager
def within(b: Builder, block: Any) -> Iterator[None]:
    """Write into another block, before what ends it; afterwards the builder stands where it stood, which may nest."""
    here = b.block
    with b.goto_block(block):
        yield
    if here.is_terminated:
        b.position_before(here.terminator)


def at(b: Builder, base: Value, index: Value, kind: ir.Type) -> Any:
    """Address of `base[index]`, items of `kind`."""
    return b.gep(base, [index], source_etype=kind)


def load(b: Builder, address: Value, kind: ir.Type, align: int, name: str = "") -> Any:
    """The item at `address`; vectors need no more alignment than their items."""
    return b.load(address, name=name, align=align, typ=kind)


def smaller(b: Builder, left: Value, right: Value) -> Any:
    """The smaller of two integers."""
    return b.select(b.icmp_signed("<", left, right), left, right)


def splat(b: Builder, value: Value, kind: ir.VectorType) -> Any:
    """`value` in every lane."""
    empty = ir.Constant(kind, ir.Undefined)
    one = b.insert_element(empty, value, ir.Constant(I32, 0))
    return b.shuffle_vector(one, empty, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))


def internal(function: ir.Function) -> ir.Function:
    """A function that only its module calls, as code of its own."""
    function.linkage = "internal"
    function.attributes.add("noinline")
    return function


def barrier(module: ir.Module) -> ir.Function:
    """`barrier(arrived, passed, count)`: waits until `count` threads are there.

    It spins, since the wait is a fraction of a microsecond where every thread has a core; where one has not, spinning
    would keep the core from it, so that after a while each turn gives the core away.
    """
    if "barrier" in module.globals:
        return module.globals["barrier"]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, POINTER, I64]), "barrier")
    function.linkage = "internal"
    arrived, passed, count = function.args
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
    turn = b.load_atomic(passed, "acquire", 8, typ=I64)
    before = b.atomic_rmw("add", arrived, number(1), "acq_rel")
    last, spin, check, give, done = (b.append_basic_block(n) for n in ("last", "spin", "check", "give", "done"))
    entry = b.block
    b.cbranch(b.icmp_signed("==", b.add(before, number(1)), count), last, spin)
    b.position_at_end(last)
    b.atomic_rmw("xchg", arrived, number(0), "monotonic")
    b.atomic_rmw("add", passed, number(1), "release")
    b.branch(done)
    b.position_at_end(spin)
    tries = b.phi(I64, "tries")
    tries.add_incoming(number(0), entry)
    now = b.load_atomic(passed, "acquire", 8, typ=I64)
    b.cbranch(b.icmp_signed("!=", now, turn), done, check)
    b.position_at_end(check)
    more = b.add(tries, number(1))
    tries.add_incoming(more, check)
    b.cbranch(b.icmp_signed("<", tries, number(_SPINS)), spin, give)
    b.position_at_end(give)
    give_way = module.globals.get("sched_yield") or ir.Function(module, ir.FunctionType(I32, []), "sched_yield")
    b.call(give_way, [])
    tries.add_incoming(more, give)
    b.branch(spin)
    b.position_at_end(done)
    b.ret_void()
    return function


def prefetch(b: Builder, address: Value, *, write: bool) -> None:
    """Ask for the line at `address`, which is used a step from now; any address will do.

    What is to be written comes into the first cache; what is read is more than that holds, and comes into the second.
    """
    kind = ir.FunctionType(ir.VoidType(), [POINTER, I32, I32, I32])
    function = b.module.globals.get("llvm.prefetch.p0") or ir.Function(b.module, kind, "llvm.prefetch.p0")
    b.call(function, [address, ir.Constant(I32, int(write)), ir.Constant(I32, 3 if write else 2), ir.Constant(I32, 1)])


def store_fence(b: Builder) -> None:
    """What was stored around the caches is there for every thread (x86)."""
    name = "llvm.x86.sse.sfence"
    b.call(b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(ir.VoidType(), []), name), [])


def copy(b: Builder, to: Value, source: Value, count: Value, item_bytes: int) -> None:
    """`count` items, by the C library's memcpy."""
    name = "llvm.memcpy.p0.p0.i64"
    kind = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, I64, BIT])
    function = b.module.globals.get(name) or ir.Function(b.module, kind, name)
    b.call(function, [to, source, b.mul(count, number(item_bytes)), ir.Constant(BIT, 0)])
