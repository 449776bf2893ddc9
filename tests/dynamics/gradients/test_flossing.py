"""Gradient flossing draws exponents to zero, and measures them right."""

import math

import pytest
import torch

from unspool.dynamics.gradients.flossing import finite_time_exponents, flossing
from unspool.dynamics.gradients.horizon import gradient_horizon
from unspool.errors import DataError, SettingError
from unspool.nn import GRU, RNN, Recurrent


def test_of_a_linear_network_they_are_the_eigenvalues():
    layer = Recurrent("elman_linear", 1, 3, dtype=torch.float64)
    values = torch.tensor([0.9, -0.5, 0.2], dtype=torch.float64)
    with torch.no_grad():
        layer.get_parameter("R_l0").copy_(torch.diag(values))
    x = torch.zeros(1, 400, 1, dtype=torch.float64)
    found = finite_time_exponents(layer, x, count=3)
    assert torch.allclose(found, values.abs().log(), atol=0.01)  # the first columns turn for a few steps
    expected = values.abs().log().square().sum()
    assert float(flossing(layer, x, count=3).detach()) == pytest.approx(float(expected), rel=0.01)


def test_the_sum_of_all_is_the_determinants_logarithm_at_every_length():
    torch.manual_seed(0)
    layer, x = RNN(2, 3, dtype=torch.float64), torch.randn(2, 7, 2, dtype=torch.float64)
    with torch.no_grad():
        output, _ = layer(x.transpose(0, 1))
        jacobians = (1 - output.square())[..., None] * layer.get_parameter("weight_hh_l0")
        expected = torch.linalg.slogdet(jacobians).logabsdet.mean()
    assert float(finite_time_exponents(layer, x, count=3).sum().detach()) == pytest.approx(float(expected))


@pytest.mark.parametrize("cell", ["elman", "gru"])
def test_it_opens_the_horizon(cell: str):
    torch.manual_seed(0)
    layer, x = Recurrent(cell, 2, 8), torch.randn(4, 25, 2)
    before = gradient_horizon(layer, x)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        flossing(layer, x, count=3).backward()
        optimizer.step()
    exponents = finite_time_exponents(layer, x, count=3).detach()
    after = gradient_horizon(layer, x)
    assert exponents.abs().max() < 0.03
    assert before.horizon is not None
    assert before.horizon < 20
    assert after.horizon is None  # beyond the 25 steps


def test_it_is_differentiated_through_the_trajectory_too():
    torch.manual_seed(0)
    layer, x = RNN(1, 3, dtype=torch.float64), torch.randn(1, 4, 1, dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0")

    def value(*weights: torch.Tensor) -> torch.Tensor:
        for name, weight in zip(names, weights, strict=True):
            with torch.no_grad():
                layer.get_parameter(name).copy_(weight)
        return flossing(layer, x, count=2)

    start = [layer.get_parameter(n).detach().clone() for n in names]
    value(*start).backward()
    for index, name in enumerate(names):
        gradient, step = layer.get_parameter(name).grad, torch.zeros_like(start[index])
        assert gradient is not None
        step[0, 0] = 1e-6
        above, below = ([w + s * step if i == index else w for i, w in enumerate(start)] for s in (1, -1))
        slope = (float(value(*above).detach()) - float(value(*below).detach())) / 2e-6
        assert float(gradient[0, 0]) == pytest.approx(slope, rel=1e-5)


def test_bad_input_is_named():
    x = torch.zeros(1, 5, 2)
    with pytest.raises(SettingError, match="count is 4 exponents; the state has 3 numbers"):
        flossing(GRU(2, 3), x, count=4)
    with pytest.raises(SettingError, match="bidirectional"):
        flossing(GRU(2, 3, bidirectional=True), x, count=1)
    layer = Recurrent("elman_relu", 2, 3)
    torch.nn.init.zeros_(layer.get_parameter("R_l0"))
    with pytest.raises(DataError, match="exponent 1 of 2 is −∞"):
        flossing(layer, x, count=2)
    assert math.isfinite(float(flossing(GRU(2, 3), x, count=3).detach()))
