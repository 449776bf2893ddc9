"""Sequences whose classes are known to be easy, and files of them."""

from pathlib import Path

import numpy as np

from unspool.classify.sequences import Sequences

NAMES = ("flat", "rising", "wave")


def easy(per_class: int = 8, seed: int = 0, channels: int = 2, classes: tuple[str, ...] = NAMES) -> Sequences:
    """Sequences of 8 to 15 steps: level, slope and swing tell the classes apart."""
    draw = np.random.default_rng(seed)
    values, labels = [], []
    for k in range(per_class * len(classes)):
        kind = k % len(classes)
        time = np.arange(draw.integers(8, 16))
        shape = (0 * time, 0.4 * time, 2 * np.sin(time))[kind % 3] + 5 * (kind // 3)
        values.append(shape[:, None] + draw.normal(0, 0.3, (len(time), channels)))
        labels.append(classes[kind])
    ids = tuple(f"s{k}" for k in range(len(values)))
    return Sequences(ids, tuple(values), tuple(labels), tuple(f"x{c}" for c in range(channels)))


def ts_text(sequences: Sequences, *, labelled: bool = True) -> str:
    """As a .ts file."""
    names = " ".join(sequences.classes) if sequences.labels else ""
    head = ["@problemName easy", f"@dimensions {len(sequences.channels)}"]
    head += [f"@classLabel true {names}" if labelled else "@classLabel false", "@data"]
    rows = []
    for k, values in enumerate(sequences.values):
        parts = [",".join("?" if np.isnan(v) else repr(float(v)) for v in channel) for channel in values.T]
        rows.append(":".join([*parts, *([sequences.labels[k]] if labelled and sequences.labels else [])]))
    return "\n".join([*head, *rows, ""])


def csv_text(sequences: Sequences, *, labelled: bool = True) -> str:
    """As a table in long form with the default names."""
    rows = [",".join(["unique_id", "ds", *(["label"] if labelled else []), *sequences.channels])]
    for k, (name, values) in enumerate(zip(sequences.ids, sequences.values, strict=True)):
        label = [sequences.labels[k]] if labelled and sequences.labels else []
        for step, row in enumerate(values):
            rows.append(",".join([name, str(step), *label, *("" if np.isnan(v) else repr(float(v)) for v in row)]))
    return "\n".join([*rows, ""])


def write(folder: Path, name: str, text: str) -> Path:
    """A file of text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
