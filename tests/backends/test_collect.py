"""Products every few steps, in machine code: the sums that NumPy has, on every processor, for any shape and layout."""

import ctypes
import platform
from itertools import product

import numpy as np
import pytest

from unspool.backends.llvm import NARROWER, Target, host_target
from unspool.backends.llvm.collect import COLLECT, FIELDS
from unspool.backends.llvm.shared import shared_address

X86 = platform.machine().lower() in ("x86_64", "amd64")
TARGETS = {"host": host_target(), **NARROWER} if X86 else {"host": host_target()}
SHAPES = [(1, 1), (3, 5), (12, 16), (13, 17), (26, 33), (31, 64), (64, 31), (40, 130)]
CASES = list(product(["float32", "float64"], SHAPES))


def collect(
    target: Target, jobs: list[dict[str, int]], dtype: str, *span: int, direction: int = 1, slot: int = 0
) -> None:
    """Run the jobs; `span` is row0, rows, step, steps, is_first, is_last, part, parts, chunk."""
    numbers = (*span[:3], direction, slot, *span[3:])
    table = np.array([[job.get(field, 0) for field in FIELDS] for job in jobs], np.int64)
    kinds = [ctypes.c_void_p, *[ctypes.c_int64] * (len(COLLECT.args) - 1)]
    function = ctypes.CFUNCTYPE(None, *kinds)(shared_address("collect", dtype, target))
    function(table.ctypes.data, len(jobs), *numbers)


def outer(left: np.ndarray, right: np.ndarray, into: np.ndarray) -> dict[str, int]:
    """The job into[worker, m, n] += Σ left[s, r, m] right[s, r, n]."""
    item = left.itemsize
    return {
        "left": left.ctypes.data,
        "left step": left.strides[0] // item,
        "left row": left.strides[1] // item,
        "right": right.ctypes.data,
        "right step": right.strides[0] // item,
        "right row": right.strides[1] // item,
        "into": into.ctypes.data,
        "into step": into.strides[0] // item,
        "into row": into.strides[1] // item,
        "m": left.shape[-1],
        "n": right.shape[-1],
    }


def inner(left: np.ndarray, right: np.ndarray, into: np.ndarray, *, add: bool) -> dict[str, int]:
    """The job into[s, r, n] (+)= left[s, r, m] right[m, n]."""
    job = outer(left, right[None], into)
    return job | {"is_inner": 1, "right step": 0, "into row": into.strides[1] // left.itemsize, "add": int(add)}


def with_more(shape: tuple[int, ...], dtype: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, and the same with columns beside them that are not to be touched."""
    wide = np.random.default_rng(seed).standard_normal((*shape[:-1], shape[-1] + 3)).astype(dtype)
    return wide[..., : shape[-1]], wide


def numbers(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    return with_more(shape, dtype, seed)[0]


def bound(dtype: str) -> float:
    return 2e-5 if dtype == "float32" else 1e-13


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize(("dtype", "shape"), CASES, ids=str)
def test_outer_products_of_some_rows_of_some_steps(dtype: str, shape: tuple[int, int], add: bool, target: str):
    """The first time they are set, unless the job adds to what is there."""
    left, right = numbers((9, 6, shape[0]), dtype, 0), numbers((9, 6, shape[1]), dtype, 1)
    into, wide = with_more((2, *shape), dtype, 2)
    before = wide.copy()
    expected = into.copy()
    for i, (row0, rows, step, steps) in enumerate(((0, 6, 0, 9), (2, 3, 4, 2), (5, 1, 1, 7))):
        span = np.s_[step : step + steps, row0 : row0 + rows]
        expected[1] = np.einsum("srm,srn->mn", left[span], right[span]) + (expected[1] if i or add else 0)
        job = outer(left, right, into) | {"add": int(add)}
        for part in range(3):
            collect(TARGETS[target], [job], dtype, row0, rows, step, steps, int(i == 0), 0, part, 3, 1)
    np.testing.assert_allclose(into, expected, atol=60 * bound(dtype))
    np.testing.assert_array_equal(into[0], before[0, :, : shape[1]], "another chunk's")
    np.testing.assert_array_equal(wide[..., shape[1] :], before[..., shape[1] :], "beside the columns")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 4])
def test_at_the_edge_something_else_is_multiplied(rows: int, dtype: str):
    left, right, edge = numbers((3, 4, 20), dtype, 0), numbers((3, 4, 18), dtype, 1), numbers((4, 18), dtype, 2)
    into = np.full((1, 20, 18), np.nan, dtype)
    job = outer(left, right, into) | {"edge": edge.ctypes.data, "edge row": edge.strides[0] // edge.itemsize}
    collect(host_target(), [job], dtype, 0, rows, 2, 1, 1, 1, 0, 1, 0)
    np.testing.assert_allclose(into[0], left[2, :rows].T @ edge[:rows], atol=10 * bound(dtype))
    collect(host_target(), [job], dtype, 0, rows, 1, 2, 0, 0, 0, 1, 0)
    more = np.einsum("srm,srn->mn", left[1:, :rows], right[1:, :rows])
    np.testing.assert_allclose(into[0], left[2, :rows].T @ edge[:rows] + more, atol=10 * bound(dtype))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("dtype", "shape"), CASES, ids=str)
def test_inner_products_set_and_then_add(dtype: str, shape: tuple[int, int], target: str):
    left, right = numbers((7, 5, shape[0]), dtype, 0), numbers(shape, dtype, 1)
    into, wide = with_more((7, 5, shape[1]), dtype, 2)
    before = wide.copy()
    expected = into.copy()
    for (row0, rows, step, steps), add in product(((0, 4, 0, 7), (4, 1, 2, 5)), (False, True)):
        span = np.s_[step : step + steps, row0 : row0 + rows]
        expected[span] = left[span] @ right + (expected[span] if add else 0)
        for part in range(2):
            job = inner(left, right, into, add=add)
            collect(TARGETS[target], [job], dtype, row0, rows, step, steps, 1, 0, part, 2, 0)
    np.testing.assert_allclose(into, expected, atol=20 * bound(dtype))
    np.testing.assert_array_equal(wide[..., shape[1] :], before[..., shape[1] :], "beside the columns")


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("is_ring", [False, True])
def test_backwards_in_time_and_from_a_ring(is_ring: bool, rows: int):
    """Steps 6, 5 and 4 in this order; in a ring of four they are in the places 1, 2 and 3."""
    left, right, matrix = (
        numbers((8, 4, 13), "float64", 0),
        numbers((8, 4, 9), "float64", 1),
        numbers((13, 5), "float64", 2),
    )
    ring = np.full((4, 4, 13), np.nan)
    ring[1:] = left[6:3:-1]
    into, of_input = np.zeros((1, 13, 9)), np.zeros((8, 4, 5))
    given, turned = (ring if is_ring else left), np.zeros((1, 9, 13))
    jobs = [outer(given, right, into), inner(given, matrix, of_input, add=False)]
    jobs = [
        *(job | {"left ring": int(is_ring)} for job in jobs),
        outer(right, given, turned) | {"right ring": int(is_ring)},
    ]
    collect(host_target(), jobs, "float64", 0, rows, 6, 3, 1, 0, 0, 1, 0, direction=-1, slot=1)
    expected = np.einsum("srm,srn->mn", left[4:7, :rows], right[4:7, :rows])
    np.testing.assert_allclose(into[0], expected, atol=1e-12)
    np.testing.assert_allclose(turned[0], expected.T, atol=1e-12)
    np.testing.assert_allclose(of_input[4:7, :rows], left[4:7, :rows] @ matrix, atol=1e-12)
    assert not of_input[:4].any()
    assert not of_input[7:].any()


def test_jobs_are_done_in_order():
    left, right = numbers((2, 3, 8), "float64", 0), numbers((8, 4), "float64", 1)
    into = np.full((2, 3, 4), np.nan)
    jobs = [inner(left, right, into, add=add) for add in (False, True)]
    collect(host_target(), jobs, "float64", 0, 3, 0, 2, 1, 0, 0, 1, 0)
    np.testing.assert_allclose(into, 2 * left @ right, atol=1e-13)
