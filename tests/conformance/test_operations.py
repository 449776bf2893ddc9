"""Each operation of the reference backend is NumPy's, for vectors and for numbers on either side."""

import numpy as np
import pytest
import torch
from torch import Tensor

from unspool.backends.reference.operations import TORCH, block_product
from unspool.ir import OPERATIONS, REDUCTIONS
from unspool.testing.interpreter import NUMPY

VALUES = np.concatenate([np.linspace(-45, 45, 181), [1e-9, -1e-9, 0.0]])
UNARY = [name for name in TORCH if OPERATIONS[name].arity == 1 and name not in REDUCTIONS]
BINARY = [name for name in TORCH if OPERATIONS[name].arity == 2]


def check(name: str, found: Tensor, *arguments: np.ndarray | float) -> None:
    with np.errstate(all="ignore"):
        expected = NUMPY[name](*arguments)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("name", UNARY)
def test_of_a_vector(name: str):
    check(name, TORCH[name](torch.tensor(VALUES)), VALUES)


@pytest.mark.parametrize("name", BINARY)
def test_of_two_vectors(name: str):
    check(name, TORCH[name](torch.tensor(VALUES), torch.tensor(VALUES[::-1].copy())), VALUES, VALUES[::-1])


@pytest.mark.parametrize("number", [0.0, 2.0, -1.5])
@pytest.mark.parametrize("name", BINARY)
def test_with_a_number(name: str, number: float):
    check(name, TORCH[name](torch.tensor(VALUES), number), VALUES, number)
    check(name, TORCH[name](number, torch.tensor(VALUES)), number, VALUES)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_over_the_units_of_each_row(name: str):
    rows = np.abs(VALUES[:180]).reshape(4, 5, 9)
    found = TORCH[name](torch.tensor(rows))
    assert found.shape == (4, 5, 1)
    for place in np.ndindex(4, 5):
        check(name, found[(*place, 0)], rows[place])


def test_a_block_diagonal_product_is_that_of_the_whole_matrix():
    """Two matrices of three 2 × 2 blocks each, stacked, against their zeros filled in."""
    stored, vectors = torch.randn(12, 2, dtype=torch.float64), torch.randn(5, 4, 6, dtype=torch.float64)
    whole = torch.cat([torch.block_diag(*matrix.split(2)) for matrix in stored.split(6)])
    torch.testing.assert_close(block_product(vectors, stored), vectors @ whole.T, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", [*UNARY, *REDUCTIONS])
def test_the_derivative_is_a_finite_difference(name: str):
    x = torch.linspace(0.3, 5, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(TORCH[name], x)
