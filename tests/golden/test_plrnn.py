"""The page plrnn against the equations of its papers, written out in plain NumPy, and against a published map.

Equation numbers are from memory, not looked up.
"""

import numpy as np
import torch

from unspool.nn import Recurrent
from unspool.testing.tolerances import tolerance

H, I, T = 3, 2, 5  # noqa: E741 - the axes' letters


def durstewitz_1(z: np.ndarray, s: np.ndarray, A: np.ndarray, W: np.ndarray, theta: np.ndarray, C: np.ndarray):
    """Durstewitz 2017, eq. 1: z_t = A z_{t−1} + W max(0, z_{t−1} − θ) + C s_t + ε_t, without ε."""
    return A @ z + W @ np.maximum(0, z - theta) + C @ s


def layer_with(A: np.ndarray, W: np.ndarray, C: np.ndarray, b: np.ndarray) -> Recurrent:
    layer = Recurrent("plrnn", C.shape[1], len(A), dtype=torch.float64)
    layer.load_state_dict({f"{n}_l0": torch.from_numpy(v) for n, v in (("A", A), ("W", W), ("C", C), ("b", b))})
    return layer


def test_durstewitz_equation_1_with_thresholds_moved_into_the_bias():
    """Taking z − θ for z turns it into the page: its bias is (A − 1) θ."""
    draw = np.random.default_rng(0)
    A, W, C = draw.normal(size=H), draw.normal(size=(H, H)), draw.normal(size=(H, I))
    theta, z, s = draw.normal(size=H), draw.normal(size=H), draw.normal(size=(T, I))
    np.fill_diagonal(W, 0)
    layer = layer_with(A, W, C, (A - 1) * theta)
    with torch.no_grad():
        output, _ = layer(torch.from_numpy(s)[None], torch.from_numpy(z - theta)[None, None])
    for t in range(T):
        z = durstewitz_1(z, s[t], np.diag(A), W, theta, C)
        np.testing.assert_allclose(output[0, t].numpy() + theta, z, rtol=0, atol=10 * tolerance(torch.float64, T))


def test_the_map_of_eisenmann_2023_stays_at_its_fixed_point():
    """It is (.36487, −22.26065), KNOWN-ANSWERS §2. By hand, z₂ < 0 < z₁: z₁ = h₁ / (1 − A₁₁)."""
    A, h = np.array([-0.0222311, 0.96461297]), np.array([0.37298253, -0.97931491])
    W = np.array([[0, -0.64375], [0.52505308, 0]])
    z1 = h[0] / (1 - A[0])
    z = np.array([z1, (W[1, 0] * z1 + h[1]) / (1 - A[1])])
    np.testing.assert_allclose(z, [0.36487, -22.26065], atol=5e-6)
    with torch.no_grad():
        _, (after,) = layer_with(A, W, np.zeros((2, 1)), h)(
            torch.zeros(1, 1, 1).double(), torch.from_numpy(z)[None, None]
        )
    np.testing.assert_allclose(after[0, 0].numpy(), z, rtol=0, atol=20 * tolerance(torch.float64, 1))


def test_the_shallow_page_holds_it():
    """P = H, W2 = I, b2 = 0."""
    torch.manual_seed(0)
    plain = Recurrent("plrnn", I, H, dtype=torch.float64)
    shallow = Recurrent("shallow_plrnn", I, H, dtype=torch.float64, sizes={"P": H})
    w = {n.removesuffix("_l0"): p for n, p in plain.state_dict().items()}
    values = {"A": w["A"], "W1": w["W"], "W2": torch.eye(H), "b1": w["b"], "b2": torch.zeros(H), "C": w["C"]}
    shallow.load_state_dict({f"{n}_l0": v for n, v in values.items()})
    x = torch.randn(2, T, I, dtype=torch.float64)
    torch.testing.assert_close(shallow(x)[0], plain(x)[0], rtol=0, atol=tolerance(torch.float64, T))
