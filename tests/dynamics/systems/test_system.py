"""A layer as a system: its step is the layer's, its trajectory is its steps, its Jacobians are torch.func's."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from unspool.dynamics.systems.functions import function_system
from unspool.dynamics.systems.system import LayerSystem, as_system, jacobian_of, system_of, trajectory_of
from unspool.errors import DataError, SettingError
from unspool.lang import Input, Matrix, PerStep, State, cell, tanh
from unspool.nn import GRU, LSTM, RNN, Recurrent
from unspool.testing.tolerances import tolerance

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

F64 = torch.float64
N, T, I = 3, 6, 4  # noqa: E741 - the axes' letters
LAYERS = {
    "gru": lambda: GRU(I, 5, dtype=F64),
    "lstm": lambda: LSTM(I, 5, num_layers=2, dtype=F64),
    "projection": lambda: LSTM(I, 5, num_layers=2, proj_size=2, dtype=F64),
    "slstm": lambda: Recurrent("slstm", I, 6, num_layers=2, sizes={"N": 2}, dtype=F64),
    "lem": lambda: Recurrent("lem", I, 5, num_layers=3, bias=False, dropout=0.5, dtype=F64),
}
ALLOWED = tolerance(F64, T, scale=10)


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return LAYERS[request.param]()


@pytest.fixture
def system(layer: nn.Module) -> LayerSystem:
    return as_system(layer)


def given(system: LayerSystem) -> tuple[Tensor, Tensor]:
    return 0.5 * torch.randn(N, system.size, dtype=F64).abs(), torch.randn(N, T, I, dtype=F64)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=ALLOWED)


def test_the_state_is_every_carried_tensor_of_every_layer():
    system = as_system(LAYERS["projection"]())
    assert system.blocks == [
        (0, "h", slice(0, 2)),
        (0, "c", slice(2, 7)),
        (1, "h", slice(7, 9)),
        (1, "c", slice(9, 14)),
    ]
    assert (system.size, system.input_size, system.dtype) == (14, I, F64)


def test_a_step_is_the_layers():
    layer = LSTM(I, 5, num_layers=2, batch_first=True, dtype=F64)
    system = as_system(layer)
    state, x = given(system)
    h, c = (torch.stack([state[:, a : a + 5], state[:, a + 10 : a + 15]]) for a in (0, 5))
    _, (h, c) = layer(x[:, :1], (h, c))
    close(system.step(state, x[:, 0]), torch.cat([h[0], c[0], h[1], c[1]], -1))


def test_a_trajectory_is_its_steps(system: LayerSystem):
    state, x = given(system)
    found, steps = system.trajectory(state, x), [state]
    for t in range(T):
        steps.append(system.step(steps[-1], x[:, t]))
    close(found, torch.stack(steps[1:], 1))
    close(trajectory_of(system, state, x, T), found)
    still = trajectory_of(system, state, None, 2)
    close(still[:, 1], system.step(system.step(state), torch.zeros(N, I, dtype=F64)))


def test_of_any_system_the_trajectory_is_its_steps():
    system = function_system(lambda s, x: s / 2 + x, 2, input_size=2)
    state, x = torch.ones(1, 2, dtype=F64), torch.ones(1, 3, 2, dtype=F64)
    assert trajectory_of(system, state, x, 3)[0, :, 0].tolist() == [1.5, 1.75, 1.875]
    assert trajectory_of(system, state, None, 3)[0, :, 0].tolist() == [0.5, 0.25, 0.125]


def test_the_jacobians_are_those_of_torch_func(system: LayerSystem):
    state, x = given(system)
    close(system.jacobian(state, x[:, 0]), jacobian_of(system.step, state, x[:, 0]))
    close(system.jacobian(state), jacobian_of(system.step, state, None))
    by_x = torch.func.vmap(torch.func.jacfwd(lambda u, s: system.step(s[None], u[None])[0]))(x[:, 0], state)
    close(system.input_jacobian(state, x[:, 0]), by_x)


def test_a_layer_does_not_see_those_above_it(system: LayerSystem):
    state, x = given(system)
    found = system.jacobian(state, x[:, 0])
    for k, _, part in system.blocks:
        above = [p for number, _, p in system.blocks if number > k]
        assert all((found[:, part, p] == 0).all() for p in above)


def test_columns_are_multiplied_and_carried(system: LayerSystem):
    state, x = given(system)
    before = torch.cat([state[:, None], system.trajectory(state, x)[:, :-1]], 1).transpose(0, 1)
    columns = torch.randn(N, system.size, 3, dtype=F64)
    expected = columns
    for t in range(T):
        formed = system.linearised(before[t], x[:, t]).formed(state)
        close(formed @ expected, system.jacobian(before[t], x[:, t]) @ expected)
        expected = formed @ expected
    along = x.transpose(0, 1)
    close(system.carried(before, along, columns), expected)
    close(system.carried(before[:, :1], along[:, :1], columns[:1]), expected[:1])
    close(system.carried(before[:1], None, columns), system.jacobian(before[0]) @ columns)


@pytest.mark.parametrize("size", [1, 2])
def test_columns_of_a_tiny_layer_are_carried(size: int):
    """Kernels take an input of a few features apart; coefficients of a few units are no such input."""
    system = as_system(Recurrent("gru", 1, size, dtype=F64))
    state, x = torch.randn(T, 1, size, dtype=F64), torch.randn(T, 1, 1, dtype=F64)
    expected = columns = torch.randn(1, size, 2, dtype=F64)
    for t in range(T):
        expected = system.jacobian(state[t], x[t]) @ expected
    close(system.carried(state, x, columns), expected)


def test_the_jacobian_has_derivatives_by_the_layers_weights():
    layer = GRU(I, 3, dtype=F64)
    system = as_system(layer)
    state, x = given(system)

    def norm(function) -> Tensor:
        return torch.autograd.grad(function(state, x[:, 0]).square().sum(), layer.get_parameter("weight_hh_l0"))[0]

    close(norm(system.jacobian), norm(lambda s, u: jacobian_of(system.step, s, u)))


def test_training_changes_nothing(system: LayerSystem):
    state, x = given(system)
    system.layer.train()
    close(system.trajectory(state, x), system.trajectory(state, x))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (RNN(2, 3, bidirectional=True), "bidirectional layer is not a dynamical system"),
        (Recurrent("gru", 2, 3, bidirectional=True), "bidirectional layer is not a dynamical system"),
        (nn.GRU(2, 3), "GRU is not a recurrent layer of Unspool's"),
    ],
)
def test_what_is_no_system_is_refused(layer: nn.Module, message: str):
    with pytest.raises(SettingError, match=message):
        as_system(layer)


def test_a_cell_that_reads_numbers_is_refused():
    @cell
    def timed(x: Input, dt: PerStep, h: State, *, W: Matrix[Input]) -> State:
        return h + dt * tanh(W @ x)

    with pytest.raises(SettingError, match="reads numbers at every step besides x: dt"):
        as_system(Recurrent(timed, 3, 3))


def test_an_analysis_has_a_copy_in_float64():
    layer = GRU(2, 3)
    before = copy.deepcopy(layer.state_dict())
    system = system_of(layer)
    assert system.dtype == F64
    assert not system.step(torch.zeros(1, 3, dtype=F64)).requires_grad
    assert all(torch.equal(v, before[n]) and v.dtype == torch.float32 for n, v in layer.state_dict().items())
    assert system_of(system) is system


def test_weights_that_are_not_finite_are_refused():
    layer = GRU(2, 3)
    nn.init.constant_(layer.get_parameter("weight_ih_l0"), math.inf)
    with pytest.raises(DataError, match="weight_ih_l0 hold NaN or infinity"):
        system_of(layer)
