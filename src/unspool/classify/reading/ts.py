"""The `.ts` format of the time series classification archive (timeseriesclassification.com).

    @dimensions 2            a header of lines that begin with @
    @classLabel true a b
    @data
    1.0,2.0,?:3.0,4.0,5.0:a  a sequence to a line: channels apart by colons, steps by commas, the label last

Lengths may differ between lines; `?` and `NaN` are missing values; a label `?` in every line is no label.
"""

from dataclasses import dataclass

import numpy as np

from unspool.classify.sequences import Sequences, check_values
from unspool.errors import DataError

_KNOWN = frozenset({
    "problemname", "timestamps", "missing", "univariate", "dimension", "dimensions", "equallength", "serieslength",
    "classlabel", "targetlabel",
})  # fmt: skip


@dataclass(frozen=True)
class _Header:
    """What the lines before @data state; None or empty where they do not."""

    dimensions: int | None
    labelled: bool
    classes: frozenset[str]


def read_ts(text: str, source: str) -> Sequences:
    """The sequences of a .ts file; its lines are their names, counted from 1.

    Raises:
        DataError: with the line and what is wrong in it.
    """
    lines = text.split("\n")
    start = next((k for k, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if start is None:
        raise DataError(f"{source} has no line @data", hint="the sequences of a .ts file stand below a line @data")
    header = _header(lines[:start], source)
    values: list[np.ndarray] = []
    labels: list[str] = []
    channels = header.dimensions
    for number, line in enumerate(lines[start + 1 :], start + 2):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        parts = line.split(":")
        if header.labelled:
            labels.append(_label(parts.pop().strip(), header, f"{source}, line {number}"))
        channels = len(parts) if channels is None else channels
        values.append(_channels(parts, channels, f"{source}, line {number}"))
    if not values:
        raise DataError(f"{source} has no line below @data", hint="each line is a sequence")
    unknown = labels.count("?") if "?" not in header.classes else 0
    if 0 < unknown < len(labels):
        raise DataError(f"{source}: {unknown} of {len(labels)} labels are '?'", hint="give all of them, or none")
    assert channels is not None
    return check_values(
        Sequences(
            ids=tuple(str(k + 1) for k in range(len(values))),
            values=tuple(values),
            labels=tuple(labels) if labels and not unknown else None,
            channels=tuple(str(k + 1) for k in range(channels)),
            source=source,
        )
    )


def _header(lines: list[str], source: str) -> _Header:
    said: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        word, *rest = line.split()
        key = word.removeprefix("@").lower()
        if not word.startswith("@") or key not in _KNOWN:
            raise DataError(
                f"{source}, line {number}: {line[:40]!r} is no line of a .ts header",
                hint="a header line begins with @ and a known word, such as @classLabel; comments begin with #",
            )
        said[key] = rest
        if key in ("timestamps", "targetlabel", "classlabel") and [r.lower() for r in rest[:1]] not in (
            ["true"],
            ["false"],
        ):
            raise DataError(f"{source}, line {number}: {word} is neither true nor false")
        if key in ("dimension", "dimensions") and not (rest and rest[0].isdecimal() and int(rest[0]) > 0):
            raise DataError(f"{source}, line {number}: {word} is not a number of channels")
    if _true(said, "timestamps"):
        raise DataError(f"{source} has time stamps, which are not read", hint="write the values alone, evenly spaced")
    if _true(said, "targetlabel"):
        raise DataError(f"{source} has numbers for labels (@targetLabel)", hint="classes are needed: @classLabel true")
    dimensions = said.get("dimensions") or said.get("dimension")
    count = int(dimensions[0]) if dimensions else (1 if _true(said, "univariate") else None)
    return _Header(count, _true(said, "classlabel"), frozenset(said.get("classlabel", [])[1:]))


def _true(said: dict[str, list[str]], key: str) -> bool:
    return said.get(key, ["false"])[0].lower() == "true"


def _label(label: str, header: _Header, where: str) -> str:
    if header.classes and label not in header.classes and label != "?":
        listed = ", ".join(sorted(header.classes)[:20])
        raise DataError(
            f"{where}: the label {label[:40]!r} is none that the header names",
            hint=f"@classLabel names: {listed}",
        )
    if not label:
        raise DataError(f"{where} has no label", hint="it stands last, after a colon")
    return label


def _channels(parts: list[str], channels: int, where: str) -> np.ndarray:
    """[T, I] from a text for each channel."""
    if len(parts) != channels:
        raise DataError(
            f"{where} has {len(parts)} channel{'s' if len(parts) != 1 else ''} where {channels} "
            f"{'are' if channels > 1 else 'is'} expected",
            hint="channels are apart by colons; the label is the last part where the header says @classLabel true",
        )
    read = [_numbers(part, where) for part in parts]
    lengths = [len(values) for values in read]
    for k, length in enumerate(lengths):
        if length != lengths[0]:
            raise DataError(
                f"{where}: channel {k + 1} has {length} steps, channel 1 has {lengths[0]}",
                hint="all channels of a sequence have its length; write ? for a missing value",
            )
    return np.stack(read, axis=1)


def _numbers(part: str, where: str) -> np.ndarray:
    if not part.strip():
        raise DataError(f"{where} has a channel of length 0", hint="write ? for a missing value, or leave the line out")
    words = [word.strip() for word in part.split(",")]
    try:
        values = np.array([np.nan if word == "?" else _number(word) for word in words])
    except ValueError:
        step, word = next((k, w) for k, w in enumerate(words) if not _is_number(w))
        raise DataError(
            f"{where}: step {step + 1} is {word[:40]!r}, not a number", hint="write ? for a missing value"
        ) from None
    if np.isinf(values).any():
        raise DataError(
            f"{where}: step {int(np.isinf(values).argmax()) + 1} is infinite", hint="write ? for a missing value"
        )
    return values


def _number(word: str) -> float:
    if "_" in word:  # Python would read 1_0 as 10
        raise ValueError
    return float(word)


def _is_number(word: str) -> bool:
    if word == "?":
        return True
    try:
        _number(word)
    except ValueError:
        return False
    return True
