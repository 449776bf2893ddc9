"""Generated code for reading."""

from __future__ import annotations

import re
import struct

from unspool.backends.llvm.compiling import assembly
from unspool.backends.llvm.kernel import SweepKernel
from unspool.backends.llvm.shared import SharedKernel
from unspool.backends.llvm.stored import Compilable

_FUNCTION = re.compile(r'^define [^\n]*@"(?P<name>[^"]+)".*?^}\n', re.MULTILINE | re.DOTALL)
_SAME = re.compile(r"<((?:i1|i8|i32|i64|float|double) [^\s,<>]+)(?:, \1)+>")
_NUMBER = re.compile(r"(float|double) (0x[0-9a-f]{16})")


def listing(kernel: SweepKernel, *, machine: bool = False) -> str:
    """The code of a sweep as text.

    Args:
        kernel: the sweep's kernel.
        machine: the processor's instructions for all of it; otherwise the LLVM code of `work`, which runs the time
            loop, its equations as comments. `kernel.source()` has the rest: packing, the threads.
    """
    title = f"{kernel.sweep.name}, {kernel.dtype}, {kernel.target.cpu}, {kernel.lanes} units at once"
    if machine:
        codes: list[tuple[str, Compilable]] = [(title, kernel)]
        for columns in kernel.arguments.columns:
            tiles = SharedKernel(f"tiles {columns}", kernel.dtype, kernel.target)
            codes.append((f"tiles of products, {columns} vectors side by side; every kernel's", tiles))
        return "\n".join(f"# {told}\n{assembly(code.source(), code.target, code.thorough)}" for told, code in codes)
    functions = {f["name"]: f.group() for f in _FUNCTION.finditer(str(kernel.source()))}
    others = ", ".join(name for name in functions if name != "work")
    return f"; {title}\n; not shown: {others}\n{_readable(functions['work'])}"


def _readable(code: str) -> str:
    """LLVM code with constants short: a vector of one number as a splat, a number in decimals where they are exact."""
    code = _SAME.sub(lambda found: f"splat ({found[1]})", code)
    return _NUMBER.sub(lambda found: f"{found[1]} {_decimal(found[2])}", code)


def _decimal(bits: str) -> str:
    (value,) = struct.unpack(">d", bytes.fromhex(bits[2:]))
    text = f"{value:.6e}" if abs(value) >= 1e6 else f"{value:.6f}"
    return text if float(text) == value else bits
