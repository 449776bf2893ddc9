"""Labelled sequences in memory: what every reader gives and everything else takes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unspool.errors import DataError

LARGEST = 1e30
"""Values beyond it would not fit into single precision when they are squared and summed."""


@dataclass(frozen=True)
class Columns:
    """Columns of a table in long form by their role: a row is a step of a series."""

    series: str = "unique_id"
    time: str = "ds"
    label: str = "label"


@dataclass(frozen=True)
class Sequences:
    """N sequences of any lengths over the same channels.

    Attributes:
        ids: [N] names.
        values: [N] arrays [T, I] float64, NaN where missing; T differs.
        labels: [N] class names; None where the source has none.
        channels: [I] names.
        source: the file's name, for errors.
        columns: of the table that was read; None where it was none.
        findings: what a reader should know about the data, one sentence each.
    """

    ids: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    labels: tuple[str, ...] | None
    channels: tuple[str, ...]
    source: str = "the data"
    columns: Columns | None = None
    findings: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The different labels: numbers by size, words by alphabet."""
        return class_order(self.labels or ())

    @property
    def lengths(self) -> np.ndarray:
        """[N] steps."""
        return np.array([len(v) for v in self.values])

    def take(self, places: Sequence[int] | np.ndarray) -> "Sequences":
        """The sequences at these places."""
        chosen = [int(p) for p in places]
        return replace(
            self,
            ids=tuple(self.ids[p] for p in chosen),
            values=tuple(self.values[p] for p in chosen),
            labels=None if self.labels is None else tuple(self.labels[p] for p in chosen),
        )


def class_order(labels: Sequence[str]) -> tuple[str, ...]:
    """The different labels, as a person would list them: `2` before `10`."""
    different = set(labels)
    try:
        return tuple(sorted(different, key=lambda label: (float(label), label)))
    except ValueError:
        return tuple(sorted(different))


def check_values(sequences: Sequences) -> Sequences:
    """Return the sequences if each has steps, the channels agree, and its values are numbers.

    Raises:
        DataError: a sequence is empty or has no value at all, a value is infinite, channels differ.
    """
    if not sequences.ids:
        raise DataError(f"{sequences.source} holds no sequence", hint="at least two of each class are needed")
    wanted = len(sequences.channels)
    for name, values in zip(sequences.ids, sequences.values, strict=True):
        where = f"{sequences.source}, sequence {name!r}"
        if values.ndim != 2 or values.shape[1] != wanted:
            got = f"{values.shape[1]} channels" if values.ndim == 2 else f"the shape {list(values.shape)}"
            raise DataError(
                f"{where} has {got}; the first one has {wanted}", hint="each is an array [T, I], one I for all"
            )
        if len(values) == 0:
            raise DataError(f"{where} has no steps", hint="leave it out")
        if np.isinf(values).any():
            step, channel = np.argwhere(np.isinf(values))[0]
            raise DataError(
                f"{where}, step {step + 1}, channel {sequences.channels[channel]!r} is infinite",
                hint="leave the value out where there is none",
            )
        seen = values[~np.isnan(values)]
        if len(seen) and np.abs(seen).max() > LARGEST:
            raise DataError(
                f"{where} has the value {seen[np.abs(seen).argmax()]:g}", hint=f"none beyond {LARGEST:g} can be read"
            )
        if len(seen) == 0:
            raise DataError(f"{where} has no value at all", hint="leave it out")
    return sequences


def check_classes(sequences: Sequences) -> Sequences:
    """Return the sequences if they can be learned from: two classes or more, of each two sequences or more.

    Raises:
        DataError: they cannot.
    """
    if sequences.labels is None:
        raise DataError(f"{sequences.source} has no labels", hint="training needs a label for each sequence")
    counts = Counter(sequences.labels)
    if len(counts) < 2:
        raise DataError(
            f"{sequences.source}: all {len(sequences.labels)} sequences have the label {sequences.labels[0]!r}",
            hint="there is nothing to tell apart: give sequences of at least two classes",
        )
    for label in sequences.classes:
        if counts[label] < 2:
            raise DataError(
                f"{sequences.source}: class {label!r} has 1 sequence; 2 are needed, one of them to stop early on",
                hint="give more sequences of it, or leave it out",
            )
    return sequences


def check_known(sequences: Sequences, classes: Sequence[str]) -> Sequences:
    """Return the sequences if the labels they have are among `classes`.

    Raises:
        DataError: one is not; it is named.
    """
    known = set(classes)
    for name, label in zip(sequences.ids, sequences.labels or (), strict=False):
        if label not in known:
            listed = ", ".join(repr(c) for c in list(classes)[:20])
            raise DataError(
                f"{sequences.source}, sequence {name!r}: no sequence trained on has the label {label!r}",
                hint=f"the classes are: {listed}{' …' if len(classes) > 20 else ''}",
            )
    return sequences
