"""Generalised teacher forcing: the compiled run is the loop written out, and α is the share of the data in it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from unspool.errors import CellError, SettingError, ShapeError, UnspoolError
from unspool.lang import Input, Matrix, Output, PerStep, State, cell
from unspool.nn import Recurrent
from unspool.testing.tolerances import tolerance
from unspool.train import forcing_loss, run_forced

B, T, N, H = 3, 6, 2, 5
FURTHER = {"shallow_plrnn": {"P": 7}, "lstm": {}, "gru": {}, "lem": {}}
DOUBLE: dict[str, Any] = {"dtype": torch.float64}


def layer_of(name: str, hidden_size: int = H, input_size: int = 1) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(name, input_size, hidden_size, sizes=FURTHER[name], **DOUBLE)


def observations_of(steps: int = T) -> Tensor:
    return torch.randn(B, steps, N, generator=torch.Generator().manual_seed(1), **DOUBLE)


def loop(layer: Recurrent, observations: Tensor, alpha: float, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The equations of the module's docstring, a call of the layer per step."""
    states = [torch.zeros(1, B, size, **DOUBLE) for size in layer.state_sizes]
    states[0][..., :N] = observations[:, 0]
    predictions = []
    for t in range(observations.shape[1]):
        seen = (1 - alpha) * states[0][..., :N] + alpha * observations[:, t]
        states[0] = torch.cat([seen, states[0][..., N:]], -1)
        output, states = layer(x[:, t : t + 1], tuple(states))
        states = list(states)
        predictions.append(output[:, 0, :N])
    return torch.stack(predictions, 1), tuple(s[0] for s in states)


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", FURTHER)
def test_it_is_the_loop_with_its_gradients(name: str, alpha: float, backend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", backend)
    layer, observations = layer_of(name, input_size=2), observations_of()
    x = torch.randn(B, T, 2, generator=torch.Generator().manual_seed(2), **DOUBLE)
    expected, finals = loop(layer, observations, alpha, x)
    found, states = run_forced(layer, observations, alpha, x)
    allowed = tolerance(torch.float64, T)
    for a, b in zip([found, *states], [expected, *finals], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=allowed)
    by_hand = (expected[:, :-1] - observations[:, 1:]).square().mean()
    loss = forcing_loss(layer, observations, alpha, x)
    torch.testing.assert_close(loss, by_hand, rtol=0, atol=allowed)
    parameters = list(layer.parameters())
    for a, b in zip(torch.autograd.grad(loss, parameters), torch.autograd.grad(by_hand, parameters), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=10 * allowed)


def test_the_loss_may_leave_out_the_first_predictions():
    layer, observations = layer_of("gru"), observations_of()
    predictions, _ = run_forced(layer, observations, 0.3)
    expected = (predictions[:, 2:5] - observations[:, 3:6]).square().mean()
    torch.testing.assert_close(forcing_loss(layer, observations, 0.3, skip=2), expected)
    for skip in (-1, T - 1):
        with pytest.raises(ShapeError, match=f"6 observations leave none .* skip={skip}"):
            forcing_loss(layer, observations, 0.3, skip=skip)


def test_without_an_input_it_is_zero():
    layer, observations = layer_of("shallow_plrnn"), observations_of()
    zero = torch.zeros(B, T, 1, **DOUBLE)
    assert torch.equal(run_forced(layer, observations, 0.2)[0], run_forced(layer, observations, 0.2, zero)[0])


def test_under_full_forcing_a_prediction_sees_one_observation():
    layer, observations = layer_of("shallow_plrnn", hidden_size=N), observations_of()
    alone = torch.cat([run_forced(layer, observations[:, t : t + 1], 1.0)[0] for t in range(T)], 1)
    torch.testing.assert_close(run_forced(layer, observations, 1.0)[0], alone)


def test_without_forcing_only_the_first_observation_is_seen():
    layer, observations = layer_of("shallow_plrnn", hidden_size=N), observations_of()
    other = torch.cat([observations[:, :1], torch.full((B, T - 1, N), 9.0, **DOUBLE)], 1)
    assert torch.equal(run_forced(layer, observations, 0.0)[0], run_forced(layer, other, 0.0)[0])


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5])
def test_a_gradient_has_the_factor_one_minus_alpha_per_step(alpha: float):
    """h̃ = (1 − α) h + α x and h' = 2 h̃: what C x(0) adds is worth (2 (1 − α))^T after T more steps."""
    layer = Recurrent("shallow_plrnn", 1, 1, sizes={"P": 1}, **DOUBLE)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.get_parameter("A_l0").fill_(2)
        layer.get_parameter("C_l0").fill_(1)
    x = torch.zeros(1, T + 1, 1, **DOUBLE, requires_grad=True)
    predictions, _ = run_forced(layer, torch.zeros(1, T + 1, 1, **DOUBLE), alpha, x)
    (gradient,) = torch.autograd.grad(predictions[0, -1, 0], x)
    assert float(gradient[0, 0, 0]) == pytest.approx((2 * (1 - alpha)) ** T, rel=1e-12)


@cell
def doubled(x: Input, h: State, *, W: Matrix[Input]) -> tuple[State, Output]:
    h = h + W @ x
    return h, 2 * h


@cell
def timed(x: Input, dt: PerStep, h: State, *, W: Matrix[Input]) -> State:
    return h + dt * (W @ x)


def given(**changes: Any) -> Callable[[], object]:
    arguments = {"layer": layer_of("gru"), "observations": observations_of(), "alpha": 0.1, **changes}
    return lambda: run_forced(**arguments)


BAD: list[tuple[Callable[[], object], type[UnspoolError], str]] = [
    (given(layer=Recurrent("gru", 1, H, 2)), SettingError, "2 layers in 1 direction"),
    (given(layer=Recurrent("gru", 1, H, bidirectional=True)), SettingError, "1 layers in 2 direction"),
    (given(layer=Recurrent(timed, 1, H, **DOUBLE)), SettingError, "1 inputs per step besides x"),
    (given(layer=Recurrent(doubled, 1, H, **DOUBLE)), CellError, "its output is not its state"),
    (given(alpha=1.5), SettingError, "alpha is 1.5; it is a share"),
    (given(alpha=float("nan")), SettingError, "alpha is nan"),
    (given(observations=observations_of()[0]), ShapeError, r"observations are \[6, 2\]; expected \[B, T, N\]"),
    (given(observations=torch.zeros(B, T, H + 1, **DOUBLE)), ShapeError, "N at most the 5 units"),
    (given(observations=torch.zeros(B, 0, N, **DOUBLE)), ShapeError, r"observations are \[3, 0, 2\]"),
    (
        given(observations=observations_of().float()),
        ShapeError,
        "observations are torch.float32 .* weights torch.float64",
    ),
    (given(x=torch.zeros(B, T, 2, **DOUBLE)), ShapeError, r"x is \[3, 6, 2\]; expected \[B=3, T=6, I=1\]"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for _, _, m in BAD])
def test_bad_input_is_named(call: Callable[[], object], error: type[UnspoolError], message: str):
    with pytest.raises(error, match=message):
        call()
