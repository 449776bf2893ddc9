"""Sums over the chunks of a batch, in machine code: those that NumPy has, on every processor."""

import ctypes
from itertools import product

import numpy as np
import pytest

from tests.backends.test_collect import TARGETS
from unspool.backends.llvm import Target
from unspool.backends.llvm.shared import shared_address
from unspool.backends.llvm.total import FIELDS

CASES = list(product(["float32", "float64"], [(1, 1), (1, 40), (3, 5), (13, 17), (6, 64)], [0, 1, 3]))


def total(target: Target, into: np.ndarray, sums: np.ndarray, **fields: int) -> None:
    """One job."""
    rows, columns = sums.shape[1:]
    job = {
        "into": into.ctypes.data,
        "from": sums.ctypes.data,
        "rows": rows,
        "columns": columns,
        "from row": columns,
        "parts": len(sums),
        "part step": rows * columns,
        "terms": 1,
        **fields,
    }
    table = np.array([job[field] for field in FIELDS], np.int64)
    dtype = str(into.dtype)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(shared_address("total", dtype, target))
    function(table.ctypes.data, 1)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("dtype", "shape", "parts"), CASES, ids=str)
def test_over_chunks(dtype: str, shape: tuple[int, int], parts: int, turned: bool, target: str):
    """As they lie, or turned; of no chunk it is zero. What lies beside is not touched."""
    sums = np.random.default_rng(0).standard_normal((parts, *shape)).astype(dtype)
    wide = np.full((shape[1] if turned else shape[0], (shape[0] if turned else shape[1]) + 2), 7, dtype)
    distance = wide.shape[1]
    into = {"into row": 1, "into column": distance} if turned else {"into row": distance, "into column": 1}
    total(TARGETS[target], wide, sums, **into)
    expected = sums.sum(0).T if turned else sums.sum(0)
    np.testing.assert_allclose(wide[:, :-2], expected, rtol=1e-5 if dtype == "float32" else 1e-13)
    assert (wide[:, -2:] == 7).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_a_number_that_every_unit_uses(dtype: str, target: str):
    """Only the units count, not what pads them."""
    sums = np.random.default_rng(0).standard_normal((2, 1, 24)).astype(dtype)
    into = np.full(2, 7, dtype)
    total(TARGETS[target], into, sums, columns=1, terms=21, **{"into row": 0, "into column": 1})
    np.testing.assert_allclose(into, [sums[:, :, :21].sum(), 7], rtol=1e-5)
