"""Every table of operations has the same keys: a new word of the language is a line in each."""

from unspool.backends.reference.operations import TORCH
from unspool.ir import OPERATIONS, REDUCTIONS
from unspool.passes.simplify import _ARITHMETIC
from unspool.testing.interpreter import NUMPY


def test_the_tables_agree():
    assert set(NUMPY) == set(OPERATIONS)
    assert set(TORCH) == set(OPERATIONS) - {"product"}
    assert set(_ARITHMETIC) == set(OPERATIONS) - {"product"} - REDUCTIONS  # of numbers alone
