"""Inputs of a network from a file: a row per step, a column per input, as the network read them."""

import warnings
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unspool.errors import DataError, ShapeError


def inputs_from_file(path: str | PathLike[str], input_size: int) -> Tensor:
    """[T, I] or [B, T, I] float64 of a `.npy` file, or [T, I] of a CSV file, whose first line may be a heading.

    Args:
        path: the file. Nothing in it is executed.
        input_size: I.

    Raises:
        DataError: it cannot be read, or a value is missing or not a finite number.
        ShapeError: it has other than I columns, or no row.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"'{file}' {'is not a file' if file.exists() else 'does not exist'}", hint="check the path")
    try:
        with warnings.catch_warnings(action="ignore"):  # of an empty file; it has no row, which is said below
            found = np.load(file, allow_pickle=False) if file.suffix == ".npy" else _csv(file)
        values = torch.from_numpy(np.ascontiguousarray(found, dtype=np.float64))
    except (EOFError, TypeError, ValueError) as error:
        raise DataError(
            f"'{file}' cannot be read: {error}".splitlines()[0],
            hint="give numbers only: a .npy array [T, I] or [B, T, I], or a CSV file with a row per step",
        ) from None
    if values.dim() not in (2, 3) or values.shape[-1] != input_size or not values.numel():
        raise ShapeError(
            f"'{file}' is {list(values.shape)}; the network reads [T, I={input_size}] or [B, T, I={input_size}]",
            hint="a row per step, and a column per input in the order of training",
        )
    if not values.isfinite().all():
        place = tuple(k + 1 for k in (~values.isfinite()).nonzero()[0].tolist())
        raise DataError(f"'{file}' holds NaN or infinity, first at {place}", hint="fill it as in training")
    return values


def _csv(file: Path) -> np.ndarray:
    with file.open(encoding="utf-8-sig") as lines:
        first = lines.readline().strip()
    try:
        heading = bool(first) and not [float(word) for word in first.split(",") if word.strip()]
    except ValueError:
        heading = True
    return np.loadtxt(file, delimiter=",", skiprows=int(heading), ndmin=2, encoding="utf-8-sig")
