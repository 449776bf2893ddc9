"""Every page against its paper's equations, written out in plain NumPy float64: numbers from elsewhere.

Nothing of the language, the graph or the compiler takes part on this side. A new page fails here until its equations
are written down a second time.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.tolerances import tolerance
from unspool.cells import built_in
from unspool.nn import Recurrent

I, H, P = 3, 4, 2  # noqa: E741 - the axes' letters
T, B = 6, 2

Array = np.ndarray
Weights = dict[str, Array]
Step = Callable[[Array, tuple[Array, ...], Weights], tuple[Array, ...]]


def sigma(v: Array) -> Array:
    return 1 / (1 + np.exp(-v))


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


EQUATIONS: dict[str, Step] = {
    "elman": elman,
    "elman_linear": elman_linear,
    "elman_relu": elman_relu,
    "gru": gru,
    "lstm": lstm,
    "lstm_projection": lstm_projection,
}


@pytest.mark.parametrize("name", built_in())
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_page_computes_its_equations(name: str, dtype: torch.dtype):
    torch.manual_seed(0)
    layer = Recurrent(name, I, H, dtype=dtype, sizes=dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, P))
    x = torch.randn(B, T, I, dtype=dtype)
    initial = tuple(torch.randn(1, B, size, dtype=dtype) for size in layer.state_sizes)
    with torch.no_grad():
        output, final = layer(x, initial)
    weights = {n.removesuffix("_l0"): p.detach().double().numpy() for n, p in layer.named_parameters()}
    allowed = tolerance(dtype, T)
    for b in range(B):
        states = tuple(s[0, b].double().numpy() for s in initial)
        for t in range(T):
            states = EQUATIONS[name](x[b, t].double().numpy(), states, weights)
            np.testing.assert_allclose(output[b, t].double().numpy(), states[0], rtol=0, atol=allowed)
        for found, expected in zip(final, states, strict=True):
            np.testing.assert_allclose(found[0, b].double().numpy(), expected, rtol=0, atol=allowed)
