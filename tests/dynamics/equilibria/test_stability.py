"""Kinds of points from eigenvalues."""

import cmath

import pytest
import torch

from unspool.dynamics.equilibria.stability import sorted_eigenvalues, stability_of

TURN = cmath.exp(0.7j)


@pytest.mark.parametrize(
    ("eigenvalues", "kind", "stable", "unstable"),
    [
        ([0.9, -0.5], "node", True, 0),
        ([-0.9, 0.5], "node", True, 0),
        ([0.9 * TURN, 0.9 / TURN, 0.1], "focus", True, 0),
        ([0.95, 0.9 * TURN, 0.9 / TURN], "node", True, 0),
        ([2.0, 1.5], "node", False, 2),
        ([2 * TURN, 2 / TURN], "focus", False, 2),
        ([2.0, 0.5], "saddle", False, 1),
        ([1.2 * TURN, 1.2 / TURN, 0.0], "saddle", False, 2),
        ([1.0, 0.5], "fold", False, 0),
        ([1 + 1e-7, 2.0], "fold", False, 1),
        ([-1.0, 0.5], "flip", False, 0),
        ([TURN, 1 / TURN, 0.3], "Neimark–Sacker", False, 0),
        ([0.0], "node", True, 0),
    ],
)
def test_kinds(eigenvalues: list[complex], kind: str, stable: bool, unstable: int):
    found = stability_of(torch.tensor([eigenvalues], dtype=torch.complex128))
    assert found.kinds == (kind,)
    assert found.stable.tolist() == [stable]
    assert found.unstable.tolist() == [unstable]


def test_eigenvalues_come_in_the_order_of_their_modulus():
    matrices = torch.randn(5, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = sorted_eigenvalues(matrices)
    assert (values.abs().diff(dim=-1) <= 0).all()
    torch.testing.assert_close(values.prod(-1).real, torch.linalg.det(matrices))


def test_no_points():
    found = stability_of(sorted_eigenvalues(torch.empty(0, 3, 3, dtype=torch.float64)))
    assert found.kinds == ()
    assert found.stable.shape == found.unstable.shape == (0,)
