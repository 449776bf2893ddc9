"""Every page against its paper's equations, written out in plain NumPy float64: numbers from elsewhere.

Nothing of the language, the graph or the compiler takes part on this side. A new page fails here until its equations
are written down a second time.
"""

import numpy as np
import pytest
import torch

from tests.golden.harness import (
    BEGINNINGS,
    DTYPES,
    Array,
    B,
    H,
    I,
    Step,
    T,
    Weights,
    block_diagonal,
    compare,
    layer_of,
    sigma,
    tables,
    weights_of,
)
from unspool.cells import built_in
from unspool.testing.tolerances import tolerance


def elman(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    return (np.tanh(w["W"] @ x + w["b"] + w["R"] @ states[0] + w["bR"]),)


def elman_relu(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    return (np.maximum(w["W"] @ x + w["b"] + w["R"] @ states[0] + w["bR"], 0),)


def elman_linear(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    return (w["W"] @ x + w["b"] + w["R"] @ states[0] + w["bR"],)


def gru(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    (h,) = states
    of_x = w["W"] @ x + w["b"]
    of_h = w["R"] @ h + w["bR"]
    r = sigma(of_x[:H] + of_h[:H])
    z = sigma(of_x[H : 2 * H] + of_h[H : 2 * H])
    n = np.tanh(of_x[2 * H :] + r * of_h[2 * H :])
    return ((1 - z) * n + z * h,)


def lstm(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    h, c = states
    gates = w["W"] @ x + w["b"] + w["R"] @ h + w["bR"]
    i, f, o = sigma(gates[:H]), sigma(gates[H : 2 * H]), sigma(gates[3 * H :])
    c = f * c + i * np.tanh(gates[2 * H : 3 * H])
    return o * np.tanh(c), c


def lstm_projection(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    h, c = lstm(x, states, w)
    return w["P"] @ h, c


def gru_reset_before(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    (h,) = states
    Wr, Wz, Wn = np.split(w["W"], 3)
    Rr, Rz, Rn = np.split(w["R"], 3)
    br, bz, bn = np.split(w["b"], 3)
    r = sigma(Wr @ x + Rr @ h + br)
    z = sigma(Wz @ x + Rz @ h + bz)
    return (z * h + (1 - z) * np.tanh(Wn @ x + Rn @ (r * h) + bn),)


def indrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    return (np.maximum(w["W"] @ x + np.diag(w["u"]) @ states[0] + w["b"], 0),)


def mingru(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    of_x = w["W"] @ x + w["b"]
    z = sigma(of_x[:H])
    return ((1 - z) * states[0] + z * of_x[H:],)


def lstm_peephole(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    h, c = states
    gates = w["W"] @ x + w["R"] @ h + w["b"]
    i = sigma(gates[:H] + np.diag(w["p_i"]) @ c)
    f = sigma(gates[H : 2 * H] + np.diag(w["p_f"]) @ c)
    c = f * c + i * np.tanh(gates[2 * H : 3 * H])
    o = sigma(gates[3 * H :] + np.diag(w["p_o"]) @ c)
    return o * np.tanh(c), c


def layer_norm(v: Array, gain: Array, bias: Array) -> Array:
    return (v - v.mean()) / np.sqrt(v.var() + 1e-5) * gain + bias


def lstm_layernorm(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    h, c = states
    gates = layer_norm(w["R"] @ h, w["aR"], w["bR"]) + layer_norm(w["W"] @ x, w["aW"], w["bW"]) + w["b"]
    i, f, g, o = np.split(gates, 4)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(layer_norm(c, w["ac"], w["bc"])), c


def lem(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    y, z = states
    W1, W2, Wz, Wy = np.split(w["R"], 4)
    V1, V2, Vz, Vy = np.split(w["W"], 4)
    b1, b2, bz, by = np.split(w["b"], 4)
    step = 0.5 * (1 + np.tanh((W1 @ y + V1 @ x + b1) / 2))
    bar_step = 0.5 * (1 + np.tanh((W2 @ y + V2 @ x + b2) / 2))
    step, bar_step = (np.clip(w["dt"] * gate, None, 1) for gate in (step, bar_step))
    z = (1 - step) * z + step * np.tanh(Wz @ y + Vz @ x + bz)
    y = (1 - bar_step) * y + bar_step * np.tanh(Wy @ z + Vy @ x + by)
    return y, z


def cornn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    y, z = states
    dt, gamma, epsilon = 0.042 * w["dt"], 2.7, 4.7
    force = np.tanh(np.hstack([w["W"], w["R"], w["Q"]]) @ np.hstack([x, y, z]) + w["b"])
    z = z + dt * force - dt * gamma * y - dt * epsilon * z
    return y + dt * z, z


def ctrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    (h,) = states
    rate = np.clip(w["dt"] / (1 + np.log(1 + np.exp(w["s"]))), None, 1)
    return ((1 - rate) * h + rate * (w["R"] @ np.tanh(h) + w["W"] @ x + w["b"]),)


def leaky(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    (h,) = states
    alpha = sigma(w["s"])
    update = np.tanh(np.hstack([w["b"][:, None], w["W"], w["R"]]) @ np.hstack([1, x, h]))
    return (h - alpha * (h - update),)


def plrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    (z,) = states
    return (np.hstack([np.diag(w["A"]), w["W"], w["C"]]) @ np.hstack([z, np.where(z > 0, z, 0), x]) + w["b"],)


def shallow_plrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    (z,) = states
    hidden = np.hstack([w["W2"], w["b2"][:, None]]) @ np.hstack([z, 1])
    update = np.hstack([np.diag(w["A"]), w["W1"], w["C"]]) @ np.hstack([z, np.where(hidden > 0, hidden, 0), x])
    return (update + w["b1"],)


def shunting(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """The bracket at the new h, solved for it: h' − h = dt (−A h' + (B − h') e − (D + h') i)."""
    (h,), dt = states, w["dt"]
    A, B, D = (np.log1p(np.exp(w[name])) for name in ("sA", "sB", "sD"))
    signal = np.where(h > 0, 4 * h**2 / (1 + 4 * h**2), 0)
    e, i = np.split(np.clip(w["W"] @ x + w["R"] @ signal + w["b"], 0, None), 2)
    return ((h + dt * (B * e - D * i)) / (1 + dt * (A + e + i)),)


def slstm(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    h, c, n, m = states
    R = np.concatenate([block_diagonal(part) for part in np.split(w["R"], 4)])
    i, f, z, o = np.split(w["W"] @ x + R @ h + w["b"], 4)
    n = np.maximum(n, 0)  # the paper's are sums of exponentials; a test may start below
    log_f = np.log(sigma(f))
    new_m = np.where(n == 0, i, np.maximum(log_f + m, i))
    i, f = np.exp(i - new_m), np.exp(np.minimum(log_f + m - new_m, 0))
    c, n = f * c + i * np.tanh(z), f * n + i
    return sigma(o) * c / n, c, n, new_m


def slstm_unstabilised(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Eqs. 8–14 alone: no m, and c, n at their own scale."""
    h, c, n = states
    R = np.concatenate([block_diagonal(part) for part in np.split(w["R"], 4)])
    i, f, z, o = np.split(w["W"] @ x + R @ h + w["b"], 4)
    c, n = sigma(f) * c + np.exp(i) * np.tanh(z), sigma(f) * n + np.exp(i)
    return sigma(o) * c / n, c, n


EQUATIONS: dict[str, Step] = {
    "cornn": cornn,
    "ctrnn": ctrnn,
    "elman": elman,
    "elman_linear": elman_linear,
    "elman_relu": elman_relu,
    "gru": gru,
    "gru_reset_before": gru_reset_before,
    "indrnn": indrnn,
    "leaky": leaky,
    "lem": lem,
    "lstm": lstm,
    "lstm_layernorm": lstm_layernorm,
    "lstm_peephole": lstm_peephole,
    "lstm_projection": lstm_projection,
    "mingru": mingru,
    "plrnn": plrnn,
    "shallow_plrnn": shallow_plrnn,
    "shunting": shunting,
    "slstm": slstm,
}


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_page_computes_its_equations(name: str, dtype: torch.dtype, beginning: str):
    compare(name, EQUATIONS[name], dtype, beginning)


def test_every_page_is_written_a_second_time():
    assert set(tables()) == set(built_in())


def test_the_stabiliser_of_the_slstm_changes_nothing_but_the_range():
    torch.manual_seed(0)
    layer, x = layer_of("slstm", torch.float64), torch.randn(1, T, I, dtype=torch.float64)
    output = layer(x)[0][0].detach().numpy()
    states: tuple[Array, ...] = (np.zeros(H),) * 3
    for t in range(T):
        states = slstm_unstabilised(x[0, t].numpy(), states, weights_of(layer))
        np.testing.assert_allclose(output[t], states[0], rtol=1e-12)


@pytest.mark.parametrize("log_input_gate", [-1000.0, 0.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_slstm_starts_from_zero_whatever_its_input_gate(log_input_gate: float, dtype: torch.dtype):
    """The first h is o ∘ z, the mean of one value: e^(−1000) would be 0 / 0, e^1000 ∞ / ∞."""
    torch.manual_seed(0)
    layer, x = layer_of("slstm", dtype), torch.randn(B, T, I, dtype=dtype)
    with torch.no_grad():
        layer.get_parameter("b_l0")[:H] = log_input_gate
    output, final = layer(x)
    w = weights_of(layer)
    for b in range(B):
        _, _, z, o = np.split(w["W"] @ x[b, 0].double().numpy() + w["b"], 4)
        found = output[b, 0].detach().double().numpy()
        np.testing.assert_allclose(found, sigma(o) * np.tanh(z), rtol=0, atol=tolerance(dtype, 1))
    gradients = torch.autograd.grad(output.sum() + sum(f.sum() for f in final), list(layer.parameters()))
    assert all(g.isfinite().all() for g in (output, *final, *gradients))
