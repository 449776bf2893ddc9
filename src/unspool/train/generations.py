"""Generations of files in a folder: the newest two stay, each appears whole or not at all and is checked when read."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from unspool.errors import ModelError, OutputError

PREFIX = "generation-"
DRAFT = ".draft"
SUMS = "SHA256SUMS"
"""As `sha256sum -c` reads it."""


@dataclass(frozen=True)
class Generation:
    """What was read: the files by name, and what is to be said about newer ones that were damaged."""

    files: dict[str, bytes]
    complaints: tuple[str, ...]


@final
class Generations:
    """The generations in one folder, of which one process writes.

    A run killed at any moment, a full disk or a power cut leaves the newest whole one as it was: files are written
    to a draft and flushed to the disk, then the draft is renamed. Other files in the folder are left alone.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._last: Path | None = None

    def read(self) -> Generation | None:
        """The newest whole generation; None where there is none at all.

        Raises:
            ModelError: there are some, and all are damaged.
        """
        complaints: list[str] = []
        for place in self._all():
            try:
                files = _read(place)
            except (OSError, ValueError) as error:
                complaints.append(f"the checkpoint '{place}' is damaged ({error})")
                continue
            self._last = place
            return Generation(files, tuple(complaints))
        if complaints:
            raise ModelError("; ".join(complaints), hint=f"delete '{self.folder}' to begin anew")
        return None

    def write(self, files: Mapping[str, bytes]) -> None:
        """Add a generation and remove all but it and the last whole one before.

        Raises:
            OutputError: it cannot be written; what was there is still there.
        """
        draft = self.folder / DRAFT
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            older = self._all()
            number = int(older[0].name.removeprefix(PREFIX)) + 1 if older else 1
            target = self.folder / f"{PREFIX}{number:09d}"
            shutil.rmtree(draft, ignore_errors=True)
            try:
                draft.mkdir()
                for name, data in files.items():
                    write_through(draft / name, data)
                write_through(draft / SUMS, "".join(_line(n, d) for n, d in files.items()).encode())
                _flush(draft)
                draft.rename(target)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            _flush(self.folder)
        except OSError as error:
            raise OutputError(f"cannot write a checkpoint to '{self.folder}': {error.strerror or error}") from None
        for place in older:
            if place != self._last:
                shutil.rmtree(place, ignore_errors=True)
        self._last = target

    def _all(self) -> list[Path]:
        """Newest first."""
        if not self.folder.is_dir():
            return []
        named = [p for p in self.folder.iterdir() if p.name.removeprefix(PREFIX).isdecimal() and p.is_dir()]
        return sorted((p for p in named if p.name.startswith(PREFIX)), reverse=True)


def write_through(path: Path, data: bytes) -> None:
    """Write a file and have it on the disk before returning."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(place: Path) -> dict[str, bytes]:
    sums = (place / SUMS).read_text(encoding="utf-8").splitlines()
    names = [line.partition("  ")[2] for line in sums]
    if not names or any(not name or Path(name).name != name for name in names):
        raise ValueError(f"{SUMS} cannot be read")
    files = {name: (place / name).read_bytes() for name in names}
    for line, (name, data) in zip(sums, files.items(), strict=True):
        if line != _line(name, data).rstrip("\n"):
            raise ValueError(f"{name} is not what was written")
    return files


def _line(name: str, data: bytes) -> str:
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n"


def _flush(folder: Path) -> None:
    """Have the names in a folder on the disk; where folders cannot be opened (Windows) that is the system's affair."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
