"""Texts from files: whole for training, piece by piece for scoring; what is not UTF-8 is named by its place."""

import codecs
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from unspool.errors import DataError
from unspool.text.vocabulary import Level

PIECE = 1 << 18
"""Bytes read at once."""
_MARK = codecs.BOM_UTF8


def read_pieces(path: str | PathLike[str], level: Level, *, size: int = PIECE) -> Iterator[str | bytes]:
    """The text of a file, in pieces of about `size` bytes: str at level "char", bytes at level "byte".

    A byte order mark at the beginning is left out; line ends are kept as they are.

    Raises:
        DataError: the file is missing, is a folder, or (at level "char") is not UTF-8: the message has the offset.
    """
    source = Path(path)
    if not source.is_file():
        raise DataError(f"'{source}' is {'a folder' if source.is_dir() else 'no file'}", hint="give a text file")
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    with source.open("rb") as file:
        while data := file.read(size):
            if offset == 0:
                offset += len(_MARK) * data.startswith(_MARK)
                data = data.removeprefix(_MARK)
            yield data if level == "byte" else _decode(decoder, data, offset, source, final=False)
            offset += len(data)
    if level == "char":
        yield _decode(decoder, b"", offset, source, final=True)


def read_text(path: str | PathLike[str], level: Level) -> str | bytes:
    """The whole text of a file; see `read_pieces`."""
    pieces = list(read_pieces(path, level))
    return b"".join(p for p in pieces if isinstance(p, bytes)) if level == "byte" else "".join(map(str, pieces))


def _decode(decoder: codecs.IncrementalDecoder, data: bytes, offset: int, path: Path, *, final: bool) -> str:
    kept = decoder.getstate()[0]
    try:
        return decoder.decode(data, final)
    except UnicodeDecodeError as error:
        place = offset - len(kept) + error.start
        value = f"byte 0x{error.object[error.start]:02x}" if error.start < len(error.object) else "an end"
        raise DataError(
            f"'{path}' is not UTF-8: {value} at offset {place} ({error.reason})",
            hint="--level byte takes any bytes; or convert it: iconv -f ENCODING -t UTF-8",
        ) from None
