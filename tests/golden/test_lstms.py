"""Long short-term memories against their papers' equations in plain NumPy float64."""

import numpy as np
import pytest
import torch

from tests.golden.harness import BEGINNINGS, DTYPES, Array, B, H, I, Step, T, Weights, compare, layer_of, sigma
from unspool.nn import LSTM, Recurrent
from unspool.testing.tolerances import tolerance

EXACT = tolerance(torch.float64, T)


def lstm_1997(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Hochreiter & Schmidhuber 1997, section 4; squashing functions of appendix A.1; one memory cell after another."""
    y, s = states
    (Win, Wout, Wc), (Rin, Rout, Rc), (bin_, bout, bc) = (np.split(w[name], 3) for name in ("W", "R", "b"))
    new_y, new_s = np.zeros(H), np.zeros(H)
    for j in range(H):
        y_in = 1 / (1 + np.exp(-(Win[j] @ x + Rin[j] @ y + bin_[j])))
        y_out = 1 / (1 + np.exp(-(Wout[j] @ x + Rout[j] @ y + bout[j])))
        g = 4 / (1 + np.exp(-(Wc[j] @ x + Rc[j] @ y + bc[j]))) - 2
        new_s[j] = s[j] + y_in * g
        new_y[j] = y_out * (2 / (1 + np.exp(-new_s[j])) - 1)
    return new_y, new_s


def lstm_coupled(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Greff et al. 2015, variant CIFG, f = 1 − i, without peepholes."""
    y, c = states
    i, z, o = np.split(np.hstack([w["W"], w["R"]]) @ np.concatenate([x, y]) + w["b"], 3)
    c = np.tanh(z) * sigma(i) + c * (1 - sigma(i))
    return np.tanh(c) * sigma(o), c


def lstm_multiplicative(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Krause et al. 2016, section 3: the recurrent matrix is W_hm diag(W_mx x) W_mh."""
    h, c = states
    recurrent = w["R"] @ np.diag(w["Wm"] @ x) @ w["Rm"]
    i, f, g, o = np.split(w["W"] @ x + recurrent @ h + w["b"], 4)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return np.tanh(c) * sigma(o), c


def lstm_chrono(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Gers, Schmidhuber & Cummins 2000 with tanh: the step that Tallec & Ollivier 2018 start."""
    h, c = states
    i, f, g, o = np.split(np.hstack([w["W"], w["R"], w["b"][:, None]]) @ np.concatenate([x, h, [1]]), 4)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


EQUATIONS: dict[str, Step] = {
    "lstm_1997": lstm_1997,
    "lstm_chrono": lstm_chrono,
    "lstm_coupled": lstm_coupled,
    "lstm_multiplicative": lstm_multiplicative,
}


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_page_computes_its_equations(name: str, dtype: torch.dtype, beginning: str):
    compare(name, EQUATIONS[name], dtype, beginning)


def some(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def as_lstm(weights: dict[str, torch.Tensor]) -> LSTM:
    """The drop-in with the weights [i, f, g, o] of a page that has one bias."""
    layer = LSTM(I, H, batch_first=True, dtype=torch.float64)
    names = {"W_l0": "weight_ih_l0", "R_l0": "weight_hh_l0", "b_l0": "bias_ih_l0"}
    layer.load_state_dict({names[n]: v for n, v in weights.items()} | {"bias_hh_l0": torch.zeros(4 * H)})
    return layer


def assert_same(layer: Recurrent, other: torch.nn.Module):
    x, h, c = some(B, T, I), some(1, B, H), some(1, B, H)
    (output, final), (expected, ends) = layer(x, (h, c)), other(x, (h, c))
    torch.testing.assert_close(output, expected, rtol=0, atol=EXACT)
    torch.testing.assert_close(tuple(final), tuple(ends), rtol=0, atol=EXACT)


def test_the_coupled_lstm_is_an_lstm_with_tied_weights():
    torch.manual_seed(0)
    layer = layer_of("lstm_coupled")
    tied = {n: torch.cat([v[:H], -v[:H], v[H:]]) for n, v in layer.state_dict().items()}  # i, f = 1 − i, g, o
    assert_same(layer, as_lstm(tied))


def test_the_coupled_lstms_c_is_a_mean_of_candidates():
    torch.manual_seed(0)
    _, (_, c) = layer_of("lstm_coupled")(100 * some(B, 200, I))
    assert c.abs().max() <= 1


def test_the_chrono_lstm_is_torchs():
    torch.manual_seed(0)
    layer = layer_of("lstm_chrono")
    theirs = torch.nn.LSTM(I, H, batch_first=True, dtype=torch.float64)
    theirs.load_state_dict(as_lstm(layer.state_dict()).state_dict())
    assert_same(layer, theirs)


def test_the_chrono_lstm_keeps_from_1_to_784_steps():
    """Its forget gates alone: σ(ln u) = u / (1 + u) forgets within 1 + u steps, u uniform in 1 … 783."""
    torch.manual_seed(0)
    layer = Recurrent("lstm_chrono", I, 2000)
    i, f, g, o = layer.get_parameter("b_l0").detach().double().chunk(4)
    steps = 1 / (1 - torch.sigmoid(f))
    assert 2 - 1e-3 <= steps.min() < 5
    assert 780 < steps.max() <= 784 * (1 + 1e-4)
    assert torch.equal(i, -f)
    assert g.eq(0).all()
    assert o.eq(0).all()
    with torch.no_grad():
        small = Recurrent("lstm_chrono", I, 8, dtype=torch.float64, start={"W": 0.0, "R": 0.0})
        c = some(1, 1, 8)
        _, (_, after) = small(some(1, 10, I), (torch.zeros(1, 1, 8, dtype=torch.float64), c))
        kept = torch.sigmoid(small.get_parameter("b_l0")[8:16]) ** 10
    torch.testing.assert_close(after[0, 0], kept * c[0, 0], rtol=1e-12, atol=0)


def test_the_lstm_of_1997_forgets_nothing():
    """Where its input gates are shut, c stays: the constant error carousel."""
    torch.manual_seed(0)
    layer = layer_of("lstm_1997")
    with torch.no_grad():
        layer.get_parameter("b_l0")[:H] = -800
    h, c = some(1, B, H), some(1, B, H).requires_grad_()
    _, (_, after) = layer(some(B, 300, I), (h, c))
    assert torch.equal(after, c)
    (gradient,) = torch.autograd.grad(after.sum(), c)
    assert torch.equal(gradient, torch.ones_like(c))


def test_a_multiplicative_lstm_under_a_constant_factor_is_an_lstm():
    """Wm x = x₁ for every unit, Rm = I and x₁ = 1: m is h."""
    torch.manual_seed(0)
    layer = layer_of("lstm_multiplicative")
    with torch.no_grad():
        layer.get_parameter("Wm_l0").zero_()[:, 0] = 1
        layer.get_parameter("Rm_l0").copy_(torch.eye(H))
    theirs = as_lstm({n: layer.state_dict()[n] for n in ("W_l0", "R_l0", "b_l0")})
    x = some(B, T, I)
    x[..., 0] = 1
    torch.testing.assert_close(layer(x)[0], theirs(x)[0], rtol=0, atol=EXACT)
