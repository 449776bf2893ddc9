"""Phase portraits as data."""

import pytest
import torch

from unspool.dynamics.equilibria.plane import Plane, phase_portrait, plane_through
from unspool.dynamics.systems.functions import function_system
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import GRU


def cloud() -> torch.Tensor:
    """Spread 3, 2 and 0.1 along three turned axes, around (1, 2, 3)."""
    generator = torch.Generator().manual_seed(0)
    turned, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    scale = torch.tensor([3.0, 2.0, 0.1], dtype=torch.float64)
    return torch.randn(500, 3, generator=generator, dtype=torch.float64) * scale @ turned.mT + torch.tensor([1, 2, 3])


def test_the_plane_of_principal_axes():
    states = cloud()
    plane = plane_through(states)
    torch.testing.assert_close(plane.axes @ plane.axes.mT, torch.eye(2).double())
    assert plane.share > 0.99
    places = plane.project(states)
    torch.testing.assert_close(places.mean(0), torch.zeros(2).double())
    values = torch.linalg.eigvalsh(states.T.cov())
    torch.testing.assert_close(places.T.cov(), torch.diag(values.flip(0)[:2]), rtol=0, atol=1e-12)
    torch.testing.assert_close(plane.project(plane.lift(places)), places)


def test_two_numbers_are_their_own_plane():
    states = torch.randn(7, 5, 2, generator=torch.Generator().manual_seed(0))
    plane = plane_through(states)
    assert torch.equal(plane.project(states.double()), states.double())
    assert plane.share == 1


def test_the_flow_is_one_step_of_the_system():
    system = function_system(lambda s: 0.5 * s + torch.tensor([0.0, 1.0], dtype=torch.float64), 2)
    points = torch.tensor([[0.0, 2.0]], dtype=torch.float64)
    portrait = phase_portrait(system, torch.zeros(3, 4, 2), points=points, cells=6)
    assert portrait.flow.shape == (7, 7, 2)
    for row, v in enumerate(portrait.v):
        for column, u in enumerate(portrait.u):
            expected = torch.stack([-0.5 * u, 1 - 0.5 * v])
            torch.testing.assert_close(portrait.flow[row, column], expected)
    torch.testing.assert_close(portrait.speed, portrait.flow.norm(dim=-1))
    assert portrait.v[0] < 0 < 2 < portrait.v[-1]  # the fixed point is in the picture, with a margin
    assert torch.equal(portrait.points, points)
    assert portrait.trajectories.shape == (3, 4, 2)


def test_what_leaves_the_plane_counts_in_the_speed():
    system = function_system(lambda s: s + torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64), 3)
    flat = Plane(torch.zeros(3).double(), torch.eye(3).double()[:2], 1.0)
    portrait = phase_portrait(system, cloud(), plane=flat, cells=2)
    torch.testing.assert_close(portrait.flow, torch.tensor([3.0, 0.0]).double().expand(3, 3, 2))
    torch.testing.assert_close(portrait.speed, torch.full((3, 3), 5.0).double())


def test_a_layer_under_an_input():
    layer = GRU(2, 5)
    states = layer(torch.randn(9, 4, 2))[0].transpose(0, 1)
    portrait = phase_portrait(layer, states, torch.ones(2), points=states[0, -1:], cells=3)
    place = torch.stack([portrait.u[1], portrait.v[2]])
    state = portrait.plane.lift(place)
    after = layer.double()(torch.ones(1, 1, 2).double(), state[None, None])[1].flatten()
    torch.testing.assert_close(portrait.flow[2, 1], portrait.plane.project(after) - place, rtol=0, atol=1e-12)


def test_one_state_is_enough_for_a_plane():
    plane = plane_through(torch.ones(1, 4))
    torch.testing.assert_close(plane.axes @ plane.axes.mT, torch.eye(2).double())
    assert plane.share == 1


def test_bad_input():
    with pytest.raises(ShapeError, match="two numbers"):
        plane_through(torch.zeros(5, 1))
    with pytest.raises(DataError, match="NaN"):
        plane_through(torch.full((5, 3), torch.nan))
    with pytest.raises(ShapeError, match=r"points is \[2, 4\]"):
        phase_portrait(GRU(2, 5), torch.zeros(3, 5), points=torch.zeros(2, 4))
    with pytest.raises(SettingError, match="cells is 0"):
        phase_portrait(GRU(2, 5), torch.zeros(3, 5), cells=0)
