"""Sums over the chunks of a batch, which end an adjoint sweep: a table of jobs as well, done by one thread.

Each chunk of the batch sums gradients up for itself, so that a result does not depend on which thread was faster. A job
adds up what they have:

    into[r, c]  =  Σ over parts p and terms t of from[p, r, c + t]

Terms are of a number that every unit uses, which has one column; of no parts the sum is 0.
"""

from __future__ import annotations

from llvmlite import ir

from unspool.backends.llvm.building import I64, POINTER, Builder, Value, at, load, loop, number
from unspool.backends.llvm.code import KINDS
from unspool.backends.llvm.target import Target

FIELDS: tuple[str, ...] = (
    "into",  # address of into[0, 0]
    "into row",  # numbers from a row to the next
    "into column",
    "rows",
    "columns",
    "from",
    "from row",  # columns follow each other
    "parts",
    "part step",
    "terms",
)
"""The words of a job."""

TOTAL = ir.FunctionType(ir.VoidType(), [POINTER, I64])
"""`total(jobs, count)`."""


def write_total(module: ir.Module, dtype: str, target: Target) -> None:
    """Write the function into a module."""
    kind, item = KINDS[dtype], 4 if dtype == "float32" else 8
    lanes = target.lanes(item)
    vector = ir.VectorType(kind, lanes)
    function = ir.Function(module, TOTAL, "function")
    jobs, count = function.args
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))

    def total(kind: ir.Type, start: Value, word: dict[str, Value], terms: Value) -> Value:
        """Σ over parts and terms, from the address `start` on."""
        zero = ir.Constant(kind, None) if isinstance(kind, ir.VectorType) else ir.Constant(kind, 0.0)
        b.store(zero, sums[kind], align=item)
        with loop(b, number(0), word["parts"], name="part") as part:
            of_part = at(b, start, b.mul(part, word["part step"]), KINDS[dtype])
            with loop(b, number(0), terms, name="term") as term:
                value = load(b, at(b, of_part, term, KINDS[dtype]), kind, item)
                b.store(b.fadd(load(b, sums[kind], kind, item), value), sums[kind], align=item)
        return load(b, sums[kind], kind, item)

    sums = {k: b.alloca(k) for k in (kind, vector)}
    with loop(b, number(0), count, name="job") as job:
        base = at(b, jobs, b.mul(job, number(len(FIELDS))), I64)
        word = {name: load(b, at(b, base, number(i), I64), I64, 8) for i, name in enumerate(FIELDS)}
        into, source = (b.inttoptr(word[name], POINTER) for name in ("into", "from"))
        is_even = b.icmp_signed("==", word["into column"], number(1))
        vectors = b.select(is_even, b.sdiv(word["columns"], number(lanes)), number(0))
        first = b.mul(vectors, number(lanes))
        with loop(b, number(0), word["rows"], name="row") as row:
            to_row = at(b, into, b.mul(row, word["into row"]), kind)
            from_row = at(b, source, b.mul(row, word["from row"]), kind)
            with loop(b, number(0), first, number(lanes), "vector") as column:
                found = total(vector, at(b, from_row, column, kind), word, number(1))
                b.store(found, at(b, to_row, column, kind), align=item)
            with loop(b, first, word["columns"], name="column") as column:
                found = total(kind, at(b, from_row, column, kind), word, word["terms"])
                b.store(found, at(b, to_row, b.mul(column, word["into column"]), kind), align=item)
    b.ret_void()
