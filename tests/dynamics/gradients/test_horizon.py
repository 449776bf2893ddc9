"""The gradient horizon against networks whose gradients are known exactly."""

import math

import pytest
import torch
from torch import Tensor

from unspool.dynamics.gradients.horizon import gradient_horizon, time_constants
from unspool.dynamics.systems.system import system_of, trajectory_of
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import GRU, LSTM, RNN, Recurrent


def linear(matrix: Tensor) -> Recurrent:
    """The network h' = matrix · h + W x + b."""
    torch.manual_seed(0)
    layer = Recurrent("elman_linear", 1, len(matrix), dtype=torch.float64)
    with torch.no_grad():
        layer.get_parameter("R_l0").copy_(matrix)
    return layer


def rotation(size: int) -> Tensor:
    torch.manual_seed(1)
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64)).Q


DIAGONAL = torch.diag(torch.tensor([0.9, -0.8, 0.5, 0.2], dtype=torch.float64))
NOT_NORMAL = torch.tensor([[0.9, 5.0], [0.0, 0.5]], dtype=torch.float64)


def test_a_linear_network_forgets_as_its_largest_eigenvalue():
    found = gradient_horizon(linear(DIAGONAL), steps=100)
    assert torch.allclose(found.log_norms, found.lags.double() * math.log(0.9), atol=1e-12)
    assert found.slope == pytest.approx(math.log(0.9), abs=1e-13)
    assert found.horizon == math.floor(math.log(1e-3) / math.log(0.9)) == 65
    assert found.expected == pytest.approx(65.563, abs=1e-3)
    assert found.time_constant == pytest.approx(9.4912, abs=1e-4)
    assert found.stretch == pytest.approx(found.slope)
    assert math.isnan(found.slope_error)  # of a single stretch


def test_a_leaky_cell_without_recurrence_forgets_at_its_time_constant():
    layer = Recurrent("ctrnn", 2, 3)
    with torch.no_grad():
        layer.get_parameter("R_l0").zero_()
        tau = 1 + torch.nn.functional.softplus(layer.get_parameter("s_l0").double())
    found = gradient_horizon(layer, torch.randn(4, 60, 2))
    assert found.slope == pytest.approx(math.log(1 - 1 / float(tau.max())), abs=1e-12)


def test_an_lstm_without_recurrence_forgets_by_its_slowest_forget_gate():
    torch.manual_seed(0)
    layer = LSTM(3, 5, batch_first=True)
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0").zero_()
    x = torch.randn(1, 4000, 3)
    weight, *biases = (layer.get_parameter(n).detach() for n in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"))
    gates = (x[0] @ weight.T + biases[0] + biases[1]).double()
    kept = gates[:, 5:10].sigmoid().log().mean(0).max()  # ⟨ln f⟩ of every unit
    found = gradient_horizon(layer, x, longest=400)
    assert found.stretches == 10
    assert found.slope_error < 0.02 * abs(found.slope)
    assert found.slope == pytest.approx(float(kept), abs=3 * found.slope_error)
    assert found.horizon is not None
    assert found.horizon == pytest.approx(found.expected, abs=2)


def test_a_matrix_that_is_not_normal_grows_before_it_decays():
    found = gradient_horizon(linear(NOT_NORMAL), steps=200)
    assert found.bounds is not None
    assert found.bounds.spectral_radius == pytest.approx(0.9)
    assert found.bounds.may_explode
    assert not found.bounds.must_vanish
    assert found.growth > 5
    assert found.slope == pytest.approx(math.log(0.9), abs=1e-9)
    assert found.horizon is not None
    assert found.horizon > found.expected + 15  # what it grew by has to be lost first
    assert (found.log_norms <= found.bounds.ceiling(found.lags) + 1e-12).all()


def test_the_basis_does_not_matter():
    basis = rotation(4)
    turned = gradient_horizon(linear(basis @ DIAGONAL @ basis.T), steps=50)
    assert torch.allclose(turned.log_norms, gradient_horizon(linear(DIAGONAL), steps=50).log_norms, atol=1e-12)


def test_an_orthogonal_network_has_no_horizon():
    found = gradient_horizon(linear(rotation(6)), steps=300)
    assert found.horizon is None
    assert found.slope == pytest.approx(0, abs=1e-12)
    assert found.log_norms.abs().max() < 1e-12


def test_norms_far_beyond_the_smallest_number_are_there():
    found = gradient_horizon(linear(0.1 * rotation(3)), steps=2000)
    assert found.log_norms[1, -1] == pytest.approx(2000 * math.log(0.1), rel=1e-12)
    assert gradient_horizon(linear(10 * rotation(3)), steps=300).slope == pytest.approx(math.log(10))


def test_a_product_that_is_exactly_zero():
    found = gradient_horizon(linear(torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)), steps=20)
    assert found.log_norms[1].tolist() == [0.0] + [-math.inf] * 19
    assert (found.horizon, found.slope, found.time_constant) == (1, -math.inf, 0)


LAYERS = {"gru": GRU(2, 3, 2), "lstm": LSTM(2, 3), "relu": RNN(2, 4, nonlinearity="relu")}


@pytest.mark.parametrize("name", LAYERS)
def test_the_norms_are_those_of_autograds_jacobian(name: str):
    layer = LAYERS[name]
    x = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(3)).double()
    system = system_of(layer)
    first = torch.full((system.size,), 0.1, dtype=torch.float64)
    for row in x:

        def last(state: Tensor, row: Tensor = row) -> Tensor:
            return trajectory_of(system, state[None], row[None], len(row))[0, -1]

        jacobian = torch.autograd.functional.jacobian(last, first)
        assert isinstance(jacobian, Tensor)
        found = gradient_horizon(layer, row, initial_state=first)
        assert float(found.log_norms[1, -1].exp()) == pytest.approx(float(torch.linalg.matrix_norm(jacobian, 2)))


def test_quantiles_are_over_the_stretches_that_end_a_sequence():
    torch.manual_seed(0)
    layer, x = GRU(2, 3), torch.randn(1, 23, 2)
    found = gradient_horizon(layer, x, longest=5)
    assert found.stretches == 4  # the first three steps are left over
    late = gradient_horizon(layer, x, longest=23)  # the last stretch is the beginning of this curve
    # It may be the least or the largest of the four itself, computed in other company: equal but for rounding.
    least, largest, last = found.log_norms[0, :5] - 1e-12, found.log_norms[2, :5] + 1e-12, late.log_norms[1, :5]
    assert ((least <= last) & (last <= largest)).all()
    assert (found.log_norms.diff(dim=0) >= 0).all()


def test_a_user_s_own_system_is_measured_too():
    class Halving:
        size, input_size, dtype = 2, 0, torch.float64

        def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
            return state / 2

        def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
            return torch.eye(2, dtype=torch.float64).expand(len(state), 2, 2) / 2

    found = gradient_horizon(Halving(), steps=30)
    assert (found.horizon, found.bounds) == (9, None)  # 2^-9 > 1e-3 > 2^-10


def test_the_layer_is_left_alone():
    layer = GRU(2, 3)
    before = {n: v.clone() for n, v in layer.state_dict().items()}
    gradient_horizon(layer, torch.randn(10, 2))
    assert all(torch.equal(v, before[n]) and v.dtype == torch.float32 for n, v in layer.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in layer.parameters())


def test_time_constants_of_exponents():
    exponents = torch.tensor([0.1, 0.0, -0.5, -math.inf], dtype=torch.float64)
    assert time_constants(exponents).tolist() == [math.inf, math.inf, 2.0, 0.0]


def test_bad_input_is_named():
    layer = GRU(2, 3)
    with pytest.raises(SettingError, match="epsilon is 1"):
        gradient_horizon(layer, steps=5, epsilon=1)
    with pytest.raises(SettingError, match=r"longest is 6 steps; the sequences have 1 to 5"):
        gradient_horizon(layer, steps=5, longest=6)
    with pytest.raises(SettingError, match="bidirectional"):
        gradient_horizon(GRU(2, 3, bidirectional=True), steps=5)
    with pytest.raises(SettingError, match="Linear is not a recurrent layer"):
        gradient_horizon(torch.nn.Linear(2, 3), steps=5)
    with pytest.raises(ShapeError, match="how many steps"):
        gradient_horizon(layer)
    with pytest.raises(ShapeError, match="I=2"):
        gradient_horizon(layer, torch.zeros(5, 3))
    with pytest.raises(DataError, match="NaN"):
        gradient_horizon(layer, torch.full((5, 2), torch.nan))
    with pytest.raises(DataError, match="leaves the finite numbers"):
        gradient_horizon(linear(1e300 * rotation(2)), torch.ones(5, 1))
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0")[0, 0] = torch.nan
    with pytest.raises(DataError, match="weight_hh_l0"):
        gradient_horizon(layer, steps=5)
