"""Object code on disk: compiled once per machine, checked before it is used, rebuilt when anything about it is off.

One file per kernel, `KEY.o`: the SHA-256 of the code, then the code. The key covers the sweep, the number type, the
processor, LLVM's version and this generator's source, so that nothing stale is found. Only a file and a folder of the
user's own, where nobody else may write, are trusted. What has not been used for ninety days is deleted.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from functools import cache
from pathlib import Path
from typing import Protocol

import llvmlite.binding as llvm
from llvmlite.ir import Module

from unspool import ir, passes
from unspool.atomic import write_file
from unspool.backends.llvm.compiling import compile_object
from unspool.backends.llvm.target import Target
from unspool.errors import OutputError

_DIGEST = 32
_KEPT_FOR = 90 * 24 * 3600
"""Seconds that an entry is kept without being used."""


class Compilable(Protocol):
    """What there is code for.

    Attributes:
        target: the processor.
        thorough: whether it is worth all of LLVM's passes.
    """

    target: Target
    thorough: bool

    @property
    def identity(self) -> tuple[str, ...]:
        """What the code depends on besides the processor and this package's source."""
        ...

    def source(self) -> Module:
        """The LLVM module."""
        ...


def object_code(kernel: Compilable) -> bytes:
    """The object file of a kernel, from disk if it is there and whole; compiled and stored otherwise."""
    folder = cache_folder()
    path = None if folder is None else folder / f"{_key(kernel)}.o"
    code = None if path is None else _read(path)
    if code is None:
        code = compile_object(kernel.source(), kernel.target, kernel.thorough)
        if path is not None:
            _store(path, code)
    return code


def cache_folder() -> Path | None:
    """Where object code is kept: `UNSPOOL_CACHE`, or the user's cache folder; None where `UNSPOOL_CACHE` is empty."""
    named = os.environ.get("UNSPOOL_CACHE")
    if named is not None:
        return Path(named) if named else None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "unspool" / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "unspool" / "kernels"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "unspool" / "kernels"


def _read(path: Path) -> bytes | None:
    """The code in a file that is ours and whole; None otherwise."""
    try:
        if not _is_ours(path.parent.stat()):
            return None
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not (stat.S_ISREG(status.st_mode) and _is_ours(status)):
                return None
            data = file.read()
    except OSError:
        return None
    digest, code = data[:_DIGEST], data[_DIGEST:]
    return code if code and hashlib.sha256(code).digest() == digest else None


def _is_ours(status: os.stat_result) -> bool:
    """Whether the user owns it and nobody else may write to it."""
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _store(path: Path, code: bytes) -> None:
    """Keep the code for the next process; a folder that cannot be written is no reason to fail."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(path, hashlib.sha256(code).digest() + code)
        path.chmod(0o600)  # whatever the umask allows
        _sweep_out(path.parent)
    except (OSError, OutputError):
        return


@cache
def _sweep_out(folder: Path) -> None:
    """Delete what has long not been used, which is mostly what earlier versions left; once in a process."""
    oldest = time.time() - _KEPT_FOR
    for path in folder.glob("*.o"):
        status = path.stat()
        if max(status.st_atime, status.st_mtime) < oldest:
            path.unlink(missing_ok=True)


def _key(kernel: Compilable) -> str:
    parts = (*kernel.identity, repr(kernel.target), _generator())
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:40]


@cache
def _generator() -> str:
    """Everything but the sweep that decides the code: LLVM's version and the source of this package's compiler."""
    digest = hashlib.sha256(repr(llvm.llvm_version_info).encode())
    for folder in (ir.__path__[0], passes.__path__[0], Path(__file__).parent):
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
