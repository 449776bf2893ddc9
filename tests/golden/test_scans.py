"""Linear recurrences, and the SRU that is nearly one, against their papers' equations in plain NumPy float64."""

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
    compare,
    layer_of,
    sigma,
    weights_of,
)
from unspool.nn import Recurrent
from unspool.testing.tolerances import tolerance


def sru(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Section 2's four equations, with the further matrix of the highway."""
    (before,) = states
    W, Wf, Wr, Ws = np.split(w["W"], 4)
    f = sigma(Wf @ x + np.diag(w["v_f"]) @ before + w["b_f"])
    r = sigma(Wr @ x + np.diag(w["v_r"]) @ before + w["b_r"])
    c = f * before + (1 - f) * (W @ x)
    return c, r * c + (1 - r) * (Ws @ x)


def qrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Eqs. 2 and 4, from what the filters' older half made of the last input."""
    c, *older = states
    Z, F, O = np.split(w["W"] @ x + w["b"] + np.concatenate(older), 3)  # noqa: E741 - the paper's letters
    c = sigma(F) * c + (1 - sigma(F)) * np.tanh(Z)
    return c, *np.split(w["V"] @ x, 3), sigma(O) * c


def rglru(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Eqs. 1–4, with a = σ(Λ), Λ = −λ, and a_t = a^(c r_t), c = 8."""
    (h,) = states
    n, r, i = np.split(w["W"] @ x + w["b"], 3)
    a = sigma(-w["lam"]) ** (8 * sigma(r))
    return (a * h + np.sqrt(1 - a**2) * (sigma(i) * n),)


def lru(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """In complex numbers: x_k = Λ x_{k−1} + exp(γ^log) ⊙ (B u_k), y_k = Re(C x_k) + D u_k."""
    h = states[0] + 1j * states[1]
    Lambda = np.diag(np.exp(-np.exp(w["nu"]) + 1j * np.exp(w["theta"])))
    B_, C = (np.array([1, 1j]) @ np.stack(np.split(w[name], 2)).reshape(2, -1) for name in "BC")
    h = Lambda @ h + np.exp(w["gamma"]) * (B_.reshape(H, I) @ x)
    return h.real, h.imag, (C.reshape(H, H) @ h).real + w["D"] @ x


EQUATIONS: dict[str, Step] = {"lru": lru, "qrnn": qrnn, "rglru": rglru, "sru": sru}


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_page_computes_its_equations(name: str, dtype: torch.dtype, beginning: str):
    compare(name, EQUATIONS[name], dtype, beginning)


def test_the_qrnn_is_a_convolution_and_a_pooling():
    """All steps' gates at once, from a sequence with a zero before it (eq. 1's mask), then fo-pooling."""
    torch.manual_seed(0)
    layer, x = layer_of("qrnn"), torch.randn(1, T, I, dtype=torch.float64)
    w = weights_of(layer)
    pairs = np.hstack([np.vstack([np.zeros(I), x[0, :-1].numpy()]), x[0].numpy()])  # [T, 2 I]
    Z, F, O = np.split(pairs @ np.hstack([w["V"], w["W"]]).T + w["b"], 3, axis=1)  # noqa: E741 - the paper's letters
    c, output = np.zeros(H), layer(x)[0][0].detach().numpy()
    for t in range(T):
        c = sigma(F[t]) * c + (1 - sigma(F[t])) * np.tanh(Z[t])
        np.testing.assert_allclose(output[t], sigma(O[t]) * c, rtol=0, atol=tolerance(torch.float64, T))


def test_the_lru_is_a_sum_over_its_past():
    """Unrolled: h_k = Σ Λ^j exp(γ^log) ⊙ (B u_{k−j})."""
    torch.manual_seed(0)
    layer, x = layer_of("lru"), torch.randn(1, T, I, dtype=torch.float64)
    w = weights_of(layer)
    eigenvalues = np.exp(-np.exp(w["nu"]) + 1j * np.exp(w["theta"]))
    B_ = w["B"][:H] + 1j * w["B"][H:]
    h = sum(eigenvalues ** (T - 1 - t) * np.exp(w["gamma"]) * (B_ @ x[0, t].numpy()) for t in range(T))
    _, (p, q) = layer(x)
    np.testing.assert_allclose((p[0, 0] + 1j * q[0, 0]).detach(), h, rtol=0, atol=tolerance(torch.float64, T))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("recurrence", [-100.0, -30.0, -10.0, 0.0, 100.0])
def test_the_rglru_is_finite_however_little_it_forgets(dtype: torch.dtype, recurrence: float):
    """In float32 a rounds to 1 below a gate of 1e-7, where the root of 1 − a² has no derivative."""
    torch.manual_seed(0)
    layer = Recurrent("rglru", I, H, dtype=dtype)
    with torch.no_grad():
        layer.get_parameter("b_l0")[H : 2 * H] = recurrence
    x = torch.randn(B, T, I, dtype=dtype)
    output, _ = layer(x)
    gradients = torch.autograd.grad(output.sum(), list(layer.parameters()))
    assert all(v.isfinite().all() for v in (output, *gradients))


def first(name: str, hidden_size: int = 2000, input_size: int = 50) -> Weights:
    torch.manual_seed(0)
    return weights_of(Recurrent(name, input_size, hidden_size, dtype=torch.float64))


def fills(values: Array, low: float, high: float) -> None:
    """Uniform in low … high, as far as its quartiles and ends say."""
    found = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(found, np.linspace(low, high, 5), rtol=0, atol=0.04 * (high - low))
    assert low <= found[0]
    assert found[-1] <= high


def test_sru_starts_as_the_authors_code():
    w = first("sru")
    for matrix, variance in zip(np.split(w["W"], 4), (1 / 50, 0.5 / 50, 0.5 / 50, 3 / 50), strict=True):
        fills(matrix, -np.sqrt(3 * variance), np.sqrt(3 * variance))
    for name in ("v_f", "v_r"):
        fills(w[name], -np.sqrt(3 * 0.5), np.sqrt(3 * 0.5))
    assert all((w[name] == 0).all() for name in ("b_f", "b_r"))


def test_qrnn_starts_as_the_authors_code():
    w = first("qrnn")
    for name in "WV":  # nn.Linear over both inputs
        fills(w[name], -np.sqrt(1 / 100), np.sqrt(1 / 100))
    assert (w["b"] == 0).all()


def test_rglru_starts_as_the_paper():
    w = first("rglru")
    fills(sigma(-w["lam"]) ** 8, 0.9, 0.999)
    np.testing.assert_allclose(w["W"].std(), np.sqrt(1 / 50), rtol=0.02)
    assert (w["b"] == 0).all()


def test_lru_starts_on_its_ring():
    w = first("lru")
    modulus = np.exp(-np.exp(w["nu"]))
    fills(modulus**2, 0, 1)  # by area
    fills(np.exp(w["theta"]), 0, 6.28)
    np.testing.assert_allclose(np.exp(w["gamma"]), np.sqrt(1 - modulus**2), rtol=1e-9)
    for name, variance in (("B", 1 / 100), ("C", 1 / 2000), ("D", 1 / 50)):
        np.testing.assert_allclose(w[name].std(), np.sqrt(variance), rtol=0.02)
