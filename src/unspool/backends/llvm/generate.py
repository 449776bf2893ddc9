"""A sweep as LLVM code: threads take chunks of the batch and run the whole time loop on them.

Four functions take the words of `Arguments`:

    pack(words)     packs every matrix once
    work(words)     takes chunks until there are none left; run by every thread
    finish(words)   adds up what the chunks have summed
    launch(words)   packs, works on as many threads as are asked for, and finishes
"""

from __future__ import annotations

from llvmlite import ir

from unspool.backends.llvm.arguments import Arguments
from unspool.backends.llvm.building import I32, I64, POINTER, Builder, Value, at, load, number
from unspool.backends.llvm.collect import FIELDS
from unspool.backends.llvm.packing import Pack
from unspool.backends.llvm.target import Target
from unspool.backends.llvm.total import TOTAL
from unspool.backends.llvm.work import Work
from unspool.passes.stages import Schedule


def generate(schedule: Schedule, dtype: str, target: Target, *, is_adjoint: bool) -> ir.Module:
    """The module of a sweep. Cost: tens of milliseconds.

    Args:
        schedule: the sweep's stages.
        dtype: "float32" or "float64".
        target: the processor.
        is_adjoint: whether the sweep is an adjoint: a reset then ends a gradient instead of beginning a state.
    """
    module = ir.Module(name=schedule.sweep.name)
    arguments = Arguments(schedule, is_adjoint=is_adjoint)
    Pack(module, arguments, dtype, target).write()
    Work(module, arguments, dtype, target).write()
    _finish(module, arguments)
    _launch(module, arguments)
    return module


def _finish(module: ir.Module, arguments: Arguments) -> None:
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), "finish")
    words = function.args[0]
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
    count, jobs, total = (_word(b, words, arguments, name) for name in ("totals", "jobs", "total"))
    with b.if_then(b.icmp_signed(">", count, number(0))):
        before = b.add(number(len(arguments.names)), b.mul(jobs, number(len(FIELDS))))
        b.call(b.inttoptr(total, TOTAL.as_pointer()), [at(b, words, before, I64), count])
    b.ret_void()


def _launch(module: ir.Module, arguments: Arguments) -> None:
    """`launch`: pack, then work alone or through the OpenMP runtime, whose threads torch has at hand."""
    kind = ir.FunctionType(ir.VoidType(), [POINTER])
    function = ir.Function(module, kind, "launch")
    words = function.args[0]
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
    work = module.globals["work"]

    parallel, threads = (_word(b, words, arguments, name) for name in ("parallel", "threads"))
    b.call(module.globals["pack"], [words])
    with b.if_else(b.icmp_signed("!=", parallel, number(0))) as (together, alone):
        with together:
            entry = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, I32, I32])
            given = [b.bitcast(work, POINTER), words, b.trunc(threads, I32), ir.Constant(I32, 0)]
            b.call(b.inttoptr(parallel, entry.as_pointer()), given)
        with alone:
            b.call(work, [words])
    b.call(module.globals["finish"], [words])
    b.ret_void()


def _word(b: Builder, words: Value, arguments: Arguments, name: str) -> Value:
    return load(b, at(b, words, number(arguments.index[name]), I64), I64, 8)
