"""A file's bytes, unpacked."""

import difflib
import gzip
import zlib
from pathlib import Path

from unspool.errors import DataError

FORMATS = "sequences come as .ts, CSV or Parquet, each also as .gz"


def file_bytes(path: Path) -> bytes:
    """The content, unpacked if it is gzip: told by the content, not by the name.

    Raises:
        DataError: the file is missing, a folder, empty, damaged, or may not be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", hint=_neighbours(path)) from None
    except OSError as error:
        if path.is_dir():
            raise DataError(f"{path} is a folder", hint=FORMATS) from None
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} is a damaged gzip file: {error}", hint="copy or download it again") from None
    if not data.strip():
        raise DataError(f"{path} is empty", hint=FORMATS)
    return data


def as_text(data: bytes, path: Path) -> str:
    """The bytes as UTF-8 with plain line ends.

    Raises:
        DataError: they are no text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    sample = text[:65536]
    if sum(c < " " and c not in "\t\n\r\f\v\x1a" for c in sample) * 100 > len(sample) or "\0" in text:
        raise DataError(f"{path} is not text", hint=FORMATS)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist either"
    close = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1)
    return f"did you mean {path.parent / close[0]}?" if close else "check the path"
