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


def compile_object(module: ir.Module, target: Target) -> bytes:
    """The object file of `module`. Cost: some tenths of a second."""
    machine = _machine(target)
    parsed = llvm.parse_assembly(_text(module, machine))
    parsed.verify()
    _optimize(parsed, machine)
    return machine.emit_object(parsed)


def assembly(module: ir.Module, target: Target) -> str:
    """The machine code of `module` as text."""
    machine = _machine(target)
    parsed = llvm.parse_assembly(_text(module, machine))
    _optimize(parsed, machine)
    return machine.emit_assembly(parsed)


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


def _optimize(parsed: Any, machine: Any) -> None:
    """What is left to do: the code is written in vectors, and its inner loops are unrolled, already."""
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    options.loop_unrolling = options.loop_interleaving = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)


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
