"""Cells that are steps of differential equations or maps, against their papers' equations in plain NumPy float64.

Equation numbers are those of the papers that the pages name. First values are compared with the authors' own.
"""

import math

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
    P,
    Step,
    T,
    Weights,
    compare,
    layer_of,
    sigma,
    weights_of,
)
from unspool.lang.starts import last, legendre, legendre_input
from unspool.nn import Recurrent
from unspool.testing.tolerances import tolerance

THETA = 100


def unicornn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Unit by unit, with σ̂(u) = 0.5 + 0.5 tanh(u/2) as the paper writes it."""
    y, z = (s.copy() for s in states)
    step = 0.19 * w["dt"] * (0.5 + 0.5 * np.tanh(w["c"] / 2))
    for i in range(H):
        z[i] -= step[i] * (np.tanh(w["u"][i] * y[i] + w["W"][i] @ x + w["b"][i]) + 30.65 * y[i])
        y[i] += step[i] * z[i]
    return y, z


def between(M: Array, beta: float, gamma: float) -> Array:
    """Eq. 2."""
    symmetric, skew = M + M.T, M - M.T
    return (1 - beta) * symmetric + beta * skew - gamma * np.eye(len(M))


def lipschitz(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Eq. 1 and one step of forward Euler."""
    (h,) = states
    A, W = between(w["M"], 0.8, 0.01), between(w["N"], 0.8, 0.01)
    derivative = A @ h + np.tanh(np.hstack([W, w["W"], w["b"][:, None]]) @ np.hstack([h, x, 1]))
    return (h + 0.01 * w["dt"] * derivative,)


def ltc(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Algorithm 1, with its FusedStep (eq. 3) and L = 6."""
    (v,) = states
    tau, delta = np.log1p(np.exp(w["s"])), w["dt"] / 6
    for _ in range(6):
        f = sigma(np.hstack([w["R"], w["W"]]) @ np.hstack([v, x]) + w["b"])
        v = (v + delta * f * w["A"]) / (1 + delta * (1 / tau + f))
    return (v,)


def cfc(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """As the authors' code: concatenate, backbone, two heads, and a gate between them that takes time."""
    (h,) = states
    u = 1.7159 * np.tanh(0.666 * (np.hstack([w["W"], w["R"]]) @ np.hstack([x, h]) + w["c"]))
    ff1, ff2, time_a, time_b = np.split(w["G"] @ u + w["b"], 4)
    interpolation = sigma(time_a * w["dt"] + time_b)
    return (np.tanh(ff1) * (1 - interpolation) + interpolation * np.tanh(ff2),)


def held(order: int, theta: float) -> tuple[Array, Array]:
    """Eqs. 1 and 2 over one step with u held: Ā = exp(A/θ), B̄ = A⁻¹ (Ā − I) B. torch.matrix_exp is off by 1e-11."""
    A, B_ = np.empty((order, order)), np.empty(order)
    for i in range(order):
        B_[i] = (2 * i + 1) * (-1) ** i
        for j in range(order):
            A[i, j] = (2 * i + 1) * (-1 if i < j else (-1) ** (i - j + 1))
    parts = int(np.ceil(np.abs(A).sum() / theta))  # of the step, so short that a series of 20 terms is exact
    powers = [np.linalg.matrix_power(A / (theta * parts), k) / math.factorial(k) for k in range(20)]
    whole = np.linalg.matrix_power(sum(powers[1:], powers[0]), parts)
    return whole, np.linalg.solve(A, (whole - np.eye(order)) @ B_)


def lmu(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Eqs. 4, 6 and 7."""
    h, m = states
    A, B_ = held(P, THETA)
    u = w["ex"] @ x + w["eh"] @ h + w["em"] @ m
    m = A @ m + B_ * u
    return np.tanh(np.hstack([w["W"], w["R"], w["Q"]]) @ np.hstack([x, h, m])), m


def modrelu(z: Array, b: Array) -> Array:
    """Eq. 8 of arXiv:1511.06464: (|z| + b) z/|z| where |z| + b ≥ 0, else 0."""
    return np.where(np.abs(z) + b >= 0, (np.abs(z) + b) * z / np.abs(z), 0)


def exprnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """The exponential by its eigenvalues: that of a skew-symmetric matrix is i times a Hermitian one."""
    turns, vectors = np.linalg.eigh(1j * (w["A"] - w["A"].T))
    U = np.real((vectors * np.exp(-1j * turns)) @ vectors.conj().T)
    return (modrelu(U @ states[0] + w["W"] @ x + w["b"], w["bm"]),)


def antisymmetric(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Eq. 9, with the upper triangle as the paper learns it."""
    (h,) = states
    upper = np.triu(w["M"] - w["M"].T, 1)
    return (h + 0.03 * np.tanh((upper - upper.T - 0.001 * np.eye(H)) @ h + w["W"] @ x + w["b"]),)


def clockwork(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Eqs. 1–3, group by group: at H = 4 each unit is one, of period 1, 2, 4 and 8."""
    h, k = states
    new, clocks = h.copy(), k.copy()
    for group, period in enumerate([1, 2, 4, 8]):
        if k[group] == 0:
            new[group] = np.tanh(w["R"][group, group:] @ h[group:] + w["W"][group] @ x + w["b"][group])
        clocks[group] = (k[group] + 1) % period
    return new, clocks


def esn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Jaeger et al. 2007, section 2, with leak .3 and no feedback."""
    (h,) = states
    return (0.7 * h + 0.3 * np.tanh(np.hstack([w["b"][:, None], w["W"], w["R"]]) @ np.hstack([1, x, h])),)


def alrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Φ* rectifies the last P = 2 of the M units."""
    (z,) = states
    phi = np.concatenate([z[:-2], np.maximum(0, z[-2:])])
    return (np.diag(w["A"]) @ z + w["W"] @ phi + w["b"] + w["C"] @ x,)


EQUATIONS: dict[str, Step] = {
    "alrnn": alrnn,
    "antisymmetric": antisymmetric,
    "cfc": cfc,
    "clockwork": clockwork,
    "esn": esn,
    "exprnn": exprnn,
    "lipschitz": lipschitz,
    "lmu": lmu,
    "ltc": ltc,
    "unicornn": unicornn,
}


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_page_computes_its_equations(name: str, dtype: torch.dtype, beginning: str):
    initial = None
    if name == "clockwork":  # its second state counts steps, each unit up to its period
        h, k = torch.randn(1, B, H, dtype=dtype), torch.tensor([[[0, 1, 3, 6], [0, 0, 2, 5]]], dtype=dtype)
        initial = (h, k)
    compare(name, EQUATIONS[name], dtype, beginning, initial=initial)


def test_the_clockworks_clocks_are_t_modulo_the_period():
    """Eq. 3 of the paper in its own words: group i is computed where t mod T_i = 0, from t = 0."""
    torch.manual_seed(0)
    layer, x = layer_of("clockwork"), torch.randn(1, 20, I, dtype=torch.float64)
    output = layer(x)[0][0].detach().numpy()
    w, h = weights_of(layer), np.zeros(H)
    for t in range(20):
        proposed = np.tanh(np.triu(w["R"]) @ h + w["W"] @ x[0, t].numpy() + w["b"])
        h = np.where([t % period == 0 for period in (1, 2, 4, 8)], proposed, h)
        np.testing.assert_allclose(output[t], h, rtol=0, atol=tolerance(torch.float64, 20))


def alrnn_like(plain: Recurrent, rectified: int) -> Recurrent:
    layer = Recurrent("alrnn", I, H, dtype=torch.float64, start={"m": last(rectified)})
    layer.load_state_dict({**layer.state_dict(), **plain.state_dict()})
    return layer.requires_grad_(False)


def test_the_almost_linear_network_lies_between_a_linear_map_and_the_plrnn():
    torch.manual_seed(0)
    plain = Recurrent("plrnn", I, H, dtype=torch.float64)
    x = torch.randn(B, T, I, dtype=torch.float64)
    torch.testing.assert_close(alrnn_like(plain, H)(x)[0], plain(x)[0].detach(), rtol=0, atol=1e-14)
    nothing, once, twice = (alrnn_like(plain, 0)(k * x)[0] for k in range(3))
    torch.testing.assert_close(twice - once, once - nothing, rtol=0, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 7, 24])
@pytest.mark.parametrize("theta", [1.0, 30.0, 784.0])
def test_the_legendre_memory_starts_with_the_papers_matrices(order: int, theta: float):
    random = np.random.default_rng(0)
    found = (
        legendre(theta).draw((order, order), random, {}),
        legendre_input(theta).draw((order,), random, {}),
    )
    for value, expected in zip(found, held(order, theta), strict=True):
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-11)


def first(name: str, hidden_size: int = 400, input_size: int = 50, **sizes: int) -> Weights:
    torch.manual_seed(0)
    return weights_of(Recurrent(name, input_size, hidden_size, dtype=torch.float64, sizes=sizes))


def fills(values: Array, low: float, high: float) -> None:
    """Uniform in low … high, as far as its moments and ends say."""
    width = high - low
    assert low <= values.min() < low + 0.05 * width
    assert high - 0.05 * width < values.max() <= high
    np.testing.assert_allclose(values.mean(), (low + high) / 2, rtol=0, atol=0.06 * width)
    np.testing.assert_allclose(values.var(), width**2 / 12, rtol=0.15)


def test_unicornn_starts_as_the_authors_code():
    w = first("unicornn")
    fills(w["u"], 0, 1)
    fills(w["c"], -0.1, 0.1)
    bound = np.sqrt(2 / (1 + 8**2)) * np.sqrt(3 / 50)  # kaiming_uniform_(a=8, mode="fan_in")
    fills(w["W"], -bound, bound)
    assert (w["b"] == 0).all()


def test_lipschitz_starts_as_the_authors_code():
    w = first("lipschitz")
    for name, deviation in (("M", 1 / 400), ("N", 1 / 400), ("W", np.sqrt(2 / 450))):
        np.testing.assert_allclose(w[name].std(), deviation, rtol=0.02)
    assert (w["b"] == 0).all()


def test_ltc_starts_with_time_constants_of_one_step():
    w = first("ltc")
    np.testing.assert_allclose(np.log1p(np.exp(w["s"])), 1, rtol=0, atol=1e-9)
    fills(w["A"], -1, 1)


def test_cfc_starts_as_the_authors_code():
    w = first("cfc", P=128)
    for matrix in (w["W"], w["R"], *np.split(w["G"], 4)):
        bound = np.sqrt(6 / sum(matrix.shape))
        fills(matrix, -bound, bound)
    assert (w["b"] == 0).all()
    assert (w["c"] == 0).all()


def test_lmu_starts_as_the_authors_code():
    w = first("lmu", input_size=300, P=200)
    fills(w["ex"], -np.sqrt(3 / 300), np.sqrt(3 / 300))
    fills(w["eh"], -np.sqrt(3 / 400), np.sqrt(3 / 400))
    assert (w["em"] == 0).all()
    for name in "WRQ":
        np.testing.assert_allclose(w[name].std(), np.sqrt(2 / sum(w[name].shape)), rtol=0.02)


def test_alrnn_starts_as_the_authors_code():
    w = first("alrnn")
    assert ((w["A"] > 0) & (w["A"] < 1)).all()
    # GᵀG/H + I has mean diagonal 2 and, for large H, the largest eigenvalue 4 + 1 (Marchenko & Pastur)
    np.testing.assert_allclose(w["A"].mean(), 2 / 5, rtol=0.05)
    np.testing.assert_allclose(w["W"].std(), 0.01, rtol=0.02)
    assert (w["b"] == 0).all()
    np.testing.assert_array_equal(w["m"], [0] * 398 + [1] * 2)
