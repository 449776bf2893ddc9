"""Control flow and memory, as the generator writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

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


@contextmanager
def loop(
    b: ir.IRBuilder, start: ir.Value, stop: ir.Value, step: ir.Value | None = None, name: str = "i"
) -> Iterator[Any]:
    """for i in range(start, stop, step): the builder stands in the body, then behind the loop."""
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


def at(b: ir.IRBuilder, base: ir.Value, index: ir.Value, kind: ir.Type) -> Any:
    """Address of `base[index]`, items of `kind`."""
    return b.gep(base, [index], source_etype=kind)


def load(b: ir.IRBuilder, address: ir.Value, kind: ir.Type, align: int, name: str = "") -> Any:
    """The item at `address`; vectors need no more alignment than their items."""
    return b.load(address, name=name, align=align, typ=kind)


def smaller(b: ir.IRBuilder, left: ir.Value, right: ir.Value) -> Any:
    """The smaller of two integers."""
    return b.select(b.icmp_signed("<", left, right), left, right)


def splat(b: ir.IRBuilder, value: ir.Value, kind: ir.VectorType) -> Any:
    """`value` in every lane."""
    empty = ir.Constant(kind, ir.Undefined)
    one = b.insert_element(empty, value, ir.Constant(I32, 0))
    return b.shuffle_vector(one, empty, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))


def copy(b: ir.IRBuilder, to: ir.Value, source: ir.Value, count: ir.Value, item_bytes: int) -> None:
    """`count` items, by the C library's memcpy."""
    name = "llvm.memcpy.p0.p0.i64"
    kind = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, I64, BIT])
    function = b.module.globals.get(name) or ir.Function(b.module, kind, name)
    b.call(function, [to, source, b.mul(count, number(item_bytes)), ir.Constant(BIT, 0)])
