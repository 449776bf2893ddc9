"""A sweep as LLVM code: threads take chunks of the batch and run the whole time loop on them.

Three functions take the words of `Arguments`:

    pack(words)     packs every matrix once
    work(words)     takes chunks until there are none left; run by every thread
    launch(words)   packs, then works on as many threads as are asked for
"""

from __future__ import annotations

from llvmlite import ir

from unspool.backends.llvm.arguments import Arguments
from unspool.backends.llvm.building import I32, I64, POINTER, Builder, Value, at, load, number
from unspool.backends.llvm.packing import Pack
from unspool.backends.llvm.target import Target
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
    _launch(module, arguments)
    return module


def _launch(module: ir.Module, arguments: Arguments) -> None:
    """`launch`: pack, then work alone or through the OpenMP runtime, whose threads torch has at hand."""
    kind = ir.FunctionType(ir.VoidType(), [POINTER])
    function = ir.Function(module, kind, "launch")
    words = function.args[0]
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
    work = module.globals["work"]

    def word(name: str) -> Value:
        return load(b, at(b, words, number(arguments.index[name]), I64), I64, 8)

    b.call(module.globals["pack"], [words])
    with b.if_else(b.icmp_signed("!=", word("parallel"), number(0))) as (together, alone):
        with together:
            entry = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, I32, I32])
            parallel = b.inttoptr(word("parallel"), entry.as_pointer())
            threads = b.trunc(word("threads"), I32)
            b.call(parallel, [b.bitcast(work, POINTER), words, threads, ir.Constant(I32, 0)])
        with alone:
            b.call(work, [words])
    b.ret_void()
