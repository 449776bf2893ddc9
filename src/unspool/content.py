"""A file's bytes, unpacked; what cannot be read is one clear error."""

import difflib
import gzip
import zlib
from pathlib import Path

from unspool.errors import DataError


def file_bytes(path: Path, formats: str) -> bytes:
    """The content, unpacked if it is gzip: told by the content, not by the name.

    Args:
        path: of the file.
        formats: what files are taken, said as a hint.

    Raises:
        DataError: the file is missing, a folder, empty, damaged, or may not be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", hint=_neighbours(path)) from None
    except OSError as error:
        if path.is_dir():
            raise DataError(f"{path} is a folder", hint=formats) from None
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} is a damaged gzip file: {error}", hint="copy or download it again") from None
    if not data or data.isspace():
        raise DataError(f"{path} is empty", hint=formats)
    return data


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist either"
    close = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1)
    return f"did you mean {path.parent / close[0]}?" if close else "check the path"
