"""From LLVM code to an object file, and from an object file to functions that can be called."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from unspool.backends.llvm.target import Target

Entry = Any
"""A function of one address; ctypes lets other Python threads run while it does."""


def compile_object(module: ir.Module, target: Target, thorough: bool) -> bytes:
    """The object file of `module`; `thorough` as in `_optimized`. Cost: some tenths of a second."""
    machine = _machine(target)
    return machine.emit_object(_optimized(module, machine, thorough))


def assembly(module: ir.Module, target: Target, thorough: bool) -> str:
    """The machine code of `module` as text."""
    machine = _machine(target)
    return machine.emit_assembly(_optimized(module, machine, thorough))


class Loaded:
    """An object file in memory; its functions keep it alive."""

    def __init__(self, code: bytes, target: Target) -> None:
        machine = _machine(target)
        empty = llvm.parse_assembly(f'target triple = "{machine.triple}"')
        self._engine = llvm.create_mcjit_compiler(empty, machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function begins."""
        return self._engine.get_function_address(name)

    def entry(self, name: str) -> Entry:
        """A function of one address, to be called from Python."""
        function: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.address(name))
        # Two threads may load one kernel at once: the file that loses must live on while its function is running.
        function.loaded = self
        return function


def _optimized(module: ir.Module, machine: Any, thorough: bool) -> Any:
    """The module as LLVM has it, with what is left to do done.

    The code is written in vectors, its inner loops are unrolled, and what a loop need not do is before it already. So
    all of LLVM's passes (`thorough`) take most of the time and make a cell's code no faster; they are for what is
    compiled once for all cells.
    """
    parsed = llvm.parse_assembly(_text(module, machine))
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    options.loop_unrolling = options.loop_interleaving = False
    builder = llvm.create_pass_builder(machine, options)
    if thorough:
        passes = builder.getModulePassManager()
    else:
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        passes.add_loop_rotate_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
    passes.run(parsed, builder)
    return parsed


def _text(module: ir.Module, machine: Any) -> str:
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    return str(module)


def _machine(target: Target) -> Any:
    _initialize()
    made = llvm.Target.from_default_triple().create_target_machine(
        cpu=target.cpu, features=target.features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )
    return made


@cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
