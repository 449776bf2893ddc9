"""Files and folders appear whole or not at all: written under a temporary name, then renamed.

Of several processes that `torchrun` has started for one job the first writes, and the others leave the files alone.
"""

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from unspool.errors import OutputError


def write_file(path: str | PathLike[str], content: str | bytes) -> None:
    """Write a file so that a reader, or a run killed at any moment, finds the old one or the new one.

    Raises:
        OutputError: the folder is missing or may not be written.
    """
    if not is_first_process():
        return
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {error.strerror or error}") from None


def check_folder(path: str | PathLike[str], ours: frozenset[str], *, overwrite: bool) -> Path:
    """Return `path` if a folder of ours may be put there; nothing is written.

    Args:
        path: the folder to be.
        ours: the names that such a folder holds ("model", "model/model.json"); one with others is never replaced.
        overwrite: whether an earlier one may be replaced.

    Raises:
        OutputError: it exists and may not be replaced, or its parent cannot be written.
    """
    target = Path(path)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise OutputError(f"'{target}' exists and is not a folder", hint="choose another output folder")
    if target.is_dir():
        if others := _others(target, ours):
            raise OutputError(
                f"'{target}' holds other files ({', '.join(others[:3])})",
                hint="choose a folder of its own for the output; it is replaced as a whole",
            )
        if any(target.iterdir()) and not overwrite:
            raise OutputError(f"'{target}' exists", hint="choose another folder, or replace it with --overwrite")
    parent = target.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"'{target}' cannot be written: no right to write in '{parent}'")
    return target


@contextmanager
def new_folder(path: str | PathLike[str], ours: frozenset[str]) -> Iterator[Path]:
    """A temporary folder to fill; when the block ends well it takes the place of `path`, otherwise it vanishes.

    On Linux an older folder is exchanged in one system call; elsewhere it is renamed away first, so that a run
    killed between two renames leaves the old one beside the new under a name that starts with a dot. What somebody
    else has put into the older folder since it was checked stays where it is.

    Raises:
        OutputError: the folder cannot be written.
    """
    if not is_first_process():
        with tempfile.TemporaryDirectory() as nowhere:
            yield Path(nowhere)
        return
    target = Path(path).absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {error.strerror or error}") from None
    try:
        yield draft
        draft.chmod(0o777 & ~_umask())
        if target.is_dir() and not target.is_symlink():
            for name in _others(target, ours):
                _keep(target / name, draft / name)
            _exchange(draft, target)
        else:
            draft.rename(target)
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {error.strerror or error}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def is_first_process() -> bool:
    """Whether this is the first of several processes that `torchrun` has started, or the only one."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"


def _others(folder: Path, ours: frozenset[str], prefix: str = "") -> list[str]:
    """What lies in the folder that is not ours, by its path in it."""
    found: list[str] = []
    for entry in sorted(folder.iterdir()):
        name = prefix + entry.name
        if name not in ours:
            found.append(name)
        elif entry.is_dir() and not entry.is_symlink():
            found += _others(entry, ours, name + "/")
    return found


def _keep(source: Path, target: Path) -> None:
    """Copy what is not ours into the new folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _exchange(draft: Path, target: Path) -> None:
    """Swap two folders' names."""
    if sys.platform == "linux":
        renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        at_cwd, exchange = -100, 2
        if renameat2 is not None and (
            renameat2(at_cwd, os.fsencode(draft), at_cwd, os.fsencode(target), exchange) == 0
        ):
            return
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
    target.rename(aside / target.name)
    draft.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
