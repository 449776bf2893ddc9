"""Eigenvalues and singular values against the unit circle."""

import math

import pytest
import torch
from torch import nn

from unspool.dynamics.spectra.spectrum import jacobian_spectrum
from unspool.dynamics.systems.functions import function_system
from unspool.dynamics.systems.system import as_system
from unspool.errors import DataError, ShapeError
from unspool.nn import GRU, LSTM, Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

F64 = torch.float64


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_a_random_matrix():
    """Radius g, norm 2g. Of 20 matrices of N = 500 with g = 1 they were 1.030 ± .021 and 1.986 ± .011 (deviation)."""
    size, g = 500, 1.5
    layer = Recurrent("elman_linear", 1, size, dtype=F64)
    nn.init.normal_(layer.get_parameter("R_l0"), std=g / size**0.5)
    found = jacobian_spectrum(layer)
    assert float(found.radius) == pytest.approx(1.03 * g, abs=0.06 * g)
    assert float(found.norm) == pytest.approx(1.986 * g, abs=0.03 * g)
    assert float(found.outside) / size == pytest.approx(1 - 1 / g**2, abs=0.03)  # uniform in a disc of radius g


def test_an_orthogonal_matrix():
    layer = Recurrent("elman_linear", 1, 5, dtype=F64)
    nn.init.orthogonal_(layer.get_parameter("R_l0"))
    found = jacobian_spectrum(layer)
    torch.testing.assert_close(found.eigenvalues.abs(), torch.ones(1, 5, dtype=F64), rtol=0, atol=1e-14)
    torch.testing.assert_close(found.singular_values, torch.ones(1, 5, dtype=F64), rtol=0, atol=1e-14)
    assert (found.time_constants.abs() > 1e13).all()


def test_a_matrix_that_is_not_normal():
    """It fades in the long run, and grows at first."""
    M = torch.tensor([[0.5, 4.0], [0.0, 0.25]], dtype=F64)
    found = jacobian_spectrum(function_system(lambda s: s @ M.T, 2))
    assert found.eigenvalues.tolist() == [[0.5, 0.25]]
    assert float(found.radius) == 0.5
    assert float(found.norm) > 4
    assert found.outside.tolist() == [0]
    torch.testing.assert_close(found.time_constants, torch.tensor([[1.4427, 0.7213]], dtype=F64), rtol=0, atol=1e-4)


def test_time_constants_at_the_edges():
    found = jacobian_spectrum(function_system(lambda s: s * torch.tensor([2.0, 1.0, 0.0]), 3))
    assert found.time_constants.tolist() == [[pytest.approx(-1 / math.log(2)), math.inf, 0.0]]
    assert found.outside.tolist() == [1]


def test_at_many_states():
    layer = LSTM(3, 4)
    system = as_system(layer.double())
    states, x = torch.randn(5, 8, dtype=F64), torch.randn(5, 3, dtype=F64)
    found = jacobian_spectrum(layer, states, x)
    assert found.eigenvalues.shape == found.singular_values.shape == (5, 8)
    for n in range(5):
        J = system.jacobian(states[n : n + 1], x[n : n + 1])[0].detach()
        assert float(found.radius[n]) == pytest.approx(float(torch.linalg.eigvals(J).abs().max()), abs=1e-13)
        assert float(found.norm[n]) == pytest.approx(float(torch.linalg.matrix_norm(J, 2)), abs=1e-13)
        product = found.eigenvalues[n].prod()
        assert complex(product) == pytest.approx(float(torch.linalg.det(J)), abs=1e-13)
    assert (found.eigenvalues.abs().diff() <= 1e-15).all()
    one = jacobian_spectrum(layer, states[0], x)
    assert one.eigenvalues.shape == (5, 8)
    assert jacobian_spectrum(layer, states, x[0]).eigenvalues.shape == (5, 8)


def test_bad_input():
    layer = GRU(2, 3)
    with pytest.raises(ShapeError, match=r"state is \[4\]; expected \[S=3\]"):
        jacobian_spectrum(layer, torch.zeros(4))
    with pytest.raises(ShapeError, match=r"x is \[0, 2\]; expected \[I=2\]"):
        jacobian_spectrum(layer, x=torch.zeros(0, 2))
    with pytest.raises(ShapeError, match="3 states and 2 inputs"):
        jacobian_spectrum(layer, torch.zeros(3, 3), torch.zeros(2, 2))
    with pytest.raises(DataError, match="the Jacobian is not finite"):
        jacobian_spectrum(layer, torch.full((3,), math.nan))
