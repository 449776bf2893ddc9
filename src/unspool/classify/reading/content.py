"""The text of a file of sequences."""

from pathlib import Path

from unspool.errors import DataError

FORMATS = "sequences come as .ts, CSV or Parquet, each also as .gz"


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
