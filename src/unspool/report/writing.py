"""Writing a file whole or not at all."""

import os
from pathlib import Path

from unspool.errors import OutputError


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write under another name beside `path`, then rename: whoever reads sees the old file or the new one.

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written: {error.strerror or error}",
            hint="give a path in a folder that exists and that you may write to",
        ) from error
    finally:
        _remove(draft)


def _remove(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError:
        return  # the folder itself is the trouble, and the error above says so
