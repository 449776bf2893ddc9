"""Where searches start, and which of their ends are the same."""

import pytest
import torch

from unspool.dynamics.equilibria.starts import FAR, distinct, spread_of, start_states
from unspool.dynamics.systems.classics import henon
from unspool.dynamics.systems.functions import function_system
from unspool.errors import DataError


def test_states_given_come_first_and_random_ones_fill_up_around_them():
    given = 5 + 0.1 * torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    system = function_system(lambda s: 0.5 * s, 2)
    states, dropped = start_states(system, None, given, 400, 0)
    assert dropped == 0
    assert states.shape == (400, 2)
    assert torch.equal(states[:40], given)
    torch.testing.assert_close(states[40:].mean(0), given.mean(0), rtol=0, atol=0.05)
    torch.testing.assert_close(states[40:].std(0), 2 * given.std(0), rtol=0.15, atol=0)
    assert len(start_states(system, None, given, 10, 0)[0]) == 40


def test_a_single_state_given_is_surrounded_too():
    states, _ = start_states(function_system(lambda s: s, 3), None, torch.ones(1, 3), 50, 0)
    assert states.isfinite().all()
    assert spread_of(states) > 1


def test_trajectories_that_escape_leave_their_start():
    """Half of all standard normal states escape under Hénon's map, within a few steps."""
    states, dropped = start_states(henon(), None, None, 200, 0)
    assert dropped == 0
    assert states.abs().max() < 20


def test_a_seed_gives_the_same_states():
    system = function_system(lambda s: 0.5 * s, 2)
    one, same, other = (start_states(system, None, None, 30, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_state_that_the_next_step_throws_out_is_left_out():
    system = function_system(lambda s: 1e5 * s**3, 1)
    given = torch.tensor([[0.1], [1e3], [2 * FAR]], dtype=torch.float64)
    states, dropped = start_states(system, None, given, 3, 0)
    assert states.tolist() == [[0.1]]
    assert dropped == 2


def test_when_nothing_is_left():
    with pytest.raises(DataError, match="none of the 2 initial states"):
        start_states(function_system(lambda s: s, 1), None, torch.full((2, 1), 2 * FAR), 2, 0)


def test_the_spread_of_equal_states_is_a_share_of_their_size():
    assert spread_of(torch.full((5, 4), 3.0, dtype=torch.float64)) == pytest.approx(6e-3)
    assert spread_of(torch.zeros(5, 4)) == 1.0


def test_groups_of_close_states():
    states = torch.tensor([[0.0], [10.0], [0.4], [10.3], [0.0], [5.0]])
    first, group = distinct(states, 0.5)
    assert first.tolist() == [0, 1, 5]
    assert group.tolist() == [0, 1, 0, 1, 0, 2]
    assert distinct(states[:0], 0.5)[0].tolist() == []
    assert len(distinct(states, 0.0)[0]) == 5
