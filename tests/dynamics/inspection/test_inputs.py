"""Inputs from files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unspool.dynamics.inspection.inputs import inputs_from_file
from unspool.errors import DataError, ShapeError

VALUES = np.arange(12.0).reshape(6, 2)
ROWS = "\n".join(f"{a},{b}" for a, b in VALUES) + "\n"


@pytest.mark.parametrize("content", [ROWS, "first,second\n" + ROWS, "\ufeff" + ROWS])
def test_a_csv_file_with_or_without_a_heading(content: str, tmp_path: Path):
    (tmp_path / "x.csv").write_text(content, encoding="utf-8")
    assert (inputs_from_file(tmp_path / "x.csv", 2).numpy() == VALUES).all()


@pytest.mark.parametrize("values", [VALUES, VALUES.astype(np.float32), VALUES.reshape(3, 2, 2), VALUES[::-1]])
def test_an_array(values: np.ndarray, tmp_path: Path):
    np.save(tmp_path / "x.npy", values)
    found = inputs_from_file(tmp_path / "x.npy", 2)
    assert found.dtype == torch.float64
    assert (found.numpy() == values).all()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", b"", "is \\[0, 1\\]"),
        ("x.csv", b"a,b\n", "is \\[0, 1\\]"),
        ("x.csv", b"1,2,3\n4,5,6\n", "is \\[2, 3\\]; the network reads \\[T, I=2\\]"),
        ("x.csv", b"1,2\n3\n", "cannot be read"),
        ("x.csv", b"1,2\nsome,thing\n", "cannot be read"),
        ("x.csv", b"1,2\n,3\n", "cannot be read"),
        ("x.csv", b"1,2\n3,nan\n", "NaN or infinity, first at \\(2, 2\\)"),
        ("x.csv", bytes(range(128, 256)), "cannot be read"),
        ("x.npy", b"", "cannot be read"),
        ("x.npy", b"not an array at all", "cannot be read"),
    ],
)
def test_what_is_no_input(name: str, content: bytes, says: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((DataError, ShapeError), match=says):
        inputs_from_file(tmp_path / name, 2)


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.array([[{}, {}]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        inputs_from_file(tmp_path / "x.npy", 2)
    with pytest.raises(DataError, match="does not exist"):
        inputs_from_file(tmp_path / "none.csv", 2)
