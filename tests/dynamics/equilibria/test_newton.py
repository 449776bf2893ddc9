"""Roots from many starts at once, and what becomes of searches that find none."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from unspool.dynamics.equilibria import newton
from unspool.dynamics.equilibria.newton import Roots, at_minimum, solve
from unspool.dynamics.equilibria.verified import verified


@dataclass(frozen=True, eq=False)
class Complex:
    """z³ = 1, the three roots of which have fractal basins; as two equations in x and y."""

    offset: float = 0.0

    def residual(self, states: Tensor) -> Tensor:
        x, y = states.unbind(-1)
        return torch.stack([x**3 - 3 * x * y**2 - 1, 3 * x**2 * y - y**3], -1)

    def jacobian(self, states: Tensor) -> Tensor:
        x, y = states.unbind(-1)
        a, b = 3 * (x**2 - y**2), 6 * x * y
        return torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], -2)


@dataclass(frozen=True, eq=False)
class Ghost:
    """s² + 1 in each number: no root, a minimum of q at 0, where ∂r/∂s is zero."""

    def residual(self, states: Tensor) -> Tensor:
        return states**2 + 1

    def jacobian(self, states: Tensor) -> Tensor:
        return torch.diag_embed(2 * states)


CUBE_ROOTS = torch.tensor([[1, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]], dtype=torch.float64)


def starts(count: int, size: int = 2) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_every_search_ends_at_a_root_of_z_cubed():
    roots = solve(Complex(), starts(200), 1e-12, 1.0)
    assert roots.solved.all()
    nearest = (roots.states[:, None] - CUBE_ROOTS).norm(dim=-1)
    assert nearest.amin(1).max() < 1e-11
    assert (torch.bincount(nearest.argmin(1)) > 40).all()


def test_rows_do_not_see_each_other():
    together = solve(Complex(), starts(20), 1e-12, 1.0)
    # What they have in common are the surroundings that a search may not leave, and nobody does in pairs either.
    pairs = torch.cat([solve(Complex(), s, 1e-12, 1.0).states for s in starts(20).split(10)])
    torch.testing.assert_close(together.states, pairs, rtol=0, atol=1e-12)


def test_a_single_start():
    roots = solve(Complex(), torch.tensor([[1.2, 0.1]], dtype=torch.float64), 1e-12, 1.0)
    torch.testing.assert_close(roots.states, CUBE_ROOTS[:1], rtol=0, atol=1e-11)


def test_parts_that_fit_in_memory_give_the_same(monkeypatch: pytest.MonkeyPatch):
    whole = solve(Complex(), starts(50), 1e-12, 1.0)
    monkeypatch.setattr(newton, "LARGEST", 4 * 7)
    parts = solve(Complex(), starts(50), 1e-12, 1.0)
    torch.testing.assert_close(parts.states, whole.states, rtol=0, atol=1e-12)


def test_a_singular_jacobian_ends_at_the_minimum_of_q():
    equations = Ghost()
    begin = torch.cat([starts(20, 3), torch.zeros(1, 3, dtype=torch.float64)])  # exactly singular from the first step
    roots = solve(equations, begin, 1e-12, 1.0)
    assert not roots.solved.any()
    assert at_minimum(equations, roots.states).all()
    assert roots.states.abs().max() < 0.02


def test_a_state_on_the_way_is_at_no_minimum():
    assert at_minimum(Ghost(), torch.tensor([[0.0], [0.5], [-1e-3]], dtype=torch.float64)).tolist() == [
        True,
        False,
        True,
    ]


def test_an_end_far_away_is_given_up_not_followed():
    """Here r = exp(−s) has its root at infinity."""

    @dataclass(frozen=True, eq=False)
    class Decay:
        def residual(self, states: Tensor) -> Tensor:
            return (-states).exp()

        def jacobian(self, states: Tensor) -> Tensor:
            return torch.diag_embed(-(-states).exp())

    begin = starts(30, 1)
    roots = solve(Decay(), begin, 1e-12, 1.0)
    assert not roots.solved.any()
    assert roots.states.max() < 3 * begin.abs().max()


def test_roots_are_merged_counted_and_polished():
    coarse = solve(Complex(), starts(100), 1e-5, 1.0)
    found = verified(Complex(), coarse, 1e-12, 1e-6, 1.0)
    assert len(found.states) == 3
    assert int(found.counts.sum()) == 100
    assert found.rows.all()
    assert (found.states[:, None] - CUBE_ROOTS).norm(dim=-1).amin(1).max() < 1e-13
    assert found.errors.max() < 1e-13


def test_what_passes_for_a_root_by_its_residual_alone_is_not_confirmed():
    states = torch.tensor([[1e-3]], dtype=torch.float64)
    found = verified(Ghost(), Roots(states, torch.tensor([1.0]), torch.tensor([True])), 10.0, 1e-6, 1.0)
    assert len(found.states) == 0
    assert not found.rows.any()
