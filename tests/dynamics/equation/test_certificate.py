"""Where and how well the equation stands for the network, on networks of which it is known."""

import math

import numpy as np
import pytest
import torch

from tests.dynamics.equation.networks import I, linear, some
from unspool.dynamics.equation.certificate import certificate
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import LSTM, Recurrent

H, T = 4, 10


def leaky(alpha: float) -> Recurrent:
    torch.manual_seed(0)
    layer = Recurrent("leaky", I, H, dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("s_l0").fill_(math.log(alpha / (1 - alpha)))
    return layer


@pytest.mark.parametrize("mu", [0.5, 0.99, 1.1, -0.5, -2.0])
def test_a_scalar_network_errs_by_what_its_generator_says(mu: float):
    found = certificate(linear([[mu]]), initial_state=torch.ones(1), steps=T)
    expected = abs(math.exp(mu - 1) - mu) / abs(mu)
    np.testing.assert_allclose(found.error, expected, rtol=1e-4)
    np.testing.assert_allclose(found.distance, abs(1 - mu))
    assert found.agreement == (1.0 if expected <= 0.01 else 0.0)
    assert found.disagreement.all() == found.disagreement.any() == found.disputed.all() == (mu == -2.0)
    assert found.exact_flow.all() == found.exact_flow.any() == (mu > 0)


def test_minus_two_is_stable_in_the_equation_alone():
    """KNOWN-ANSWERS §1: the region Re μ < 1 < |μ|."""
    found = certificate(linear([[-2.0]]), initial_state=torch.ones(1), steps=T)
    assert found.verdict.startswith("Do not read this network's stability off its equation")
    assert "100% of the steps" in found.verdict
    assert "10 of 10 have Re μ < 1 < |μ|, and at 10 steps (first in step 1) only the equation is stable" in str(found)


@pytest.mark.parametrize(("radius", "disputed"), [(0.9, False), (1.0, False), (1.1, True)])
def test_a_quarter_turn_is_disputed_outside_the_unit_circle(radius: float, disputed: bool):
    found = certificate(linear([[0.0, -radius], [radius, 0.0]]), initial_state=torch.ones(2), steps=T)
    np.testing.assert_allclose(found.distance, abs(1 - radius * 1j))
    assert found.disputed.all() == found.disputed.any() == disputed
    assert found.disagreement.all() == found.disagreement.any() == disputed
    assert found.exact_flow.all()
    assert found.agreement == 0


def test_orthogonal_networks_are_on_the_circle_and_not_disputed():
    rotation = torch.linalg.qr(some(20, 20)).Q
    found = certificate(linear(rotation.tolist()), initial_state=some(20), steps=T)
    assert not found.disputed.any()


def test_where_both_are_unstable_there_is_no_disagreement():
    found = certificate(linear([[1.5, 0.0], [0.0, -2.0]]), initial_state=torch.ones(2), steps=T)
    assert found.disputed.sum() == T
    assert not found.disagreement.any()


def test_a_leaky_network_earns_it_as_its_leak_goes_to_zero():
    shares = []
    for alpha in (0.5, 0.1, 0.02):
        found = certificate(leaky(alpha), some(3, T, I), some(3, H))
        assert found.error.shape == (3, T)
        assert found.eigenvalues.shape == (3, T, H)
        shares.append(found.agreement)
    assert shares[0] < 0.5
    assert shares[-1] == 1.0
    assert found.verdict.startswith("The equation stands for this network: a step along it is within 1 %")


def test_a_step_errs_by_the_square_of_the_leak():
    """By α²/2 · ∂f/∂s f, Euler's local error."""
    x, start = some(20, 1, I), some(20, H)
    first, second, third = (certificate(leaky(a), x, start).error for a in (0.08, 0.016, 0.0032))
    torch.testing.assert_close(first / second, torch.full_like(first, 25), rtol=0.3, atol=0)
    torch.testing.assert_close(second / third, torch.full_like(first, 25), rtol=0.06, atol=0)


def test_epsilon_is_what_a_step_may_err_by():
    x, start = some(T, I), some(H)
    loose, strict = (certificate(leaky(0.3), x, start, epsilon=e) for e in (5.0, 1e-6))
    assert loose.agreement == 1.0
    assert strict.agreement == 0.0
    assert torch.equal(loose.error, strict.error)
    assert strict.verdict.startswith("The equation does not stand for this network")
    assert "within 0.0001 %" in strict.verdict


def test_it_says_where_a_network_becomes_unstable():
    """The unit h' = relu(−2 h + x), with an input that inactivates the unit for three steps."""
    torch.manual_seed(0)
    layer = Recurrent("elman_relu", 1, 1, bias=False, dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("R_l0").fill_(-2.0)
    layer.get_parameter("W_l0").fill_(1.0)
    x = torch.tensor([-1.0, -1.0, -1.0, 5.0, 11.0, -50.0])[:, None]
    found = certificate(layer, x)
    assert found.inactive[0].tolist() == [1, 1, 1, 0, 0, 1]
    assert found.eigenvalues[0, :, 0].real.tolist() == [0, 0, 0, -2, -2, 0]
    assert found.disagreement[0].tolist() == [False] * 3 + [True] * 2 + [False]
    assert "at 2 steps (first in step 4) only the equation is stable. 67% of the units are inactive" in str(found)
    assert not found.exact_flow.any()


def test_the_exact_flow_is_asked_of_the_active_units_only():
    torch.manual_seed(0)
    layer = Recurrent("elman_relu", I, H, dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("R_l0").mul_(0.2).add_(0.5 * torch.eye(H))
    layer.get_parameter("b_l0").copy_(torch.tensor([5.0, -50.0, 5.0, 5.0]))
    found = certificate(layer, some(T, I))
    assert (found.inactive == 1 / H).all()
    assert found.exact_flow.all()
    layer.get_parameter("R_l0")[2] = layer.get_parameter("R_l0")[0]  # singular among the active ones too
    assert not certificate(layer, some(T, I)).exact_flow.any()


def test_one_sequence_at_a_time_or_all_together():
    torch.manual_seed(0)
    layer = LSTM(I, H, num_layers=2)
    x = some(3, T, I)
    together = certificate(layer, x)
    for n in range(3):
        alone = certificate(layer, x[n])
        torch.testing.assert_close(alone.error[0], together.error[n], rtol=1e-4, atol=0)
        torch.testing.assert_close(alone.inactive[0], together.inactive[n])
    assert together.eigenvalues.shape == (3, T, 4 * H)


def test_bad_input_is_named():
    with pytest.raises(SettingError, match="bidirectional"):
        certificate(Recurrent("gru", I, H, bidirectional=True), steps=3)
    with pytest.raises(SettingError, match="epsilon is 0"):
        certificate(leaky(0.5), steps=3, epsilon=0)
    with pytest.raises(SettingError, match="epsilon is nan"):
        certificate(leaky(0.5), steps=3, epsilon=math.nan)
    with pytest.raises(ShapeError, match="how many steps"):
        certificate(leaky(0.5))
    with pytest.raises(DataError, match="network leaves the finite numbers in step"):
        certificate(linear([[1e200]]), initial_state=torch.ones(1), steps=3)
    broken = leaky(0.5)
    broken.get_parameter("W_l0")[0, 0] = math.inf
    with pytest.raises(DataError, match="W_l0"):
        certificate(broken, steps=3)
