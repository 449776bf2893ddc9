"""Gated cells, and the simple ones beside them, against their papers' equations in plain NumPy float64."""

import numpy as np
import pytest
import torch

from tests.golden.harness import BEGINNINGS, DTYPES, Array, B, H, I, P, Step, T, Weights, compare, layer_of, sigma
from unspool.cells import built_in
from unspool.nn import Recurrent
from unspool.passes import scans
from unspool.testing.tolerances import tolerance

ONE = np.ones(1)


def irnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Le et al. 2015: one matrix [b, W, R] times [1; x; h], rectified."""
    pre_activation = np.hstack([w["b"][:, None], w["W"], w["R"]]) @ np.concatenate([ONE, x, states[0]])
    return (np.where(pre_activation > 0, pre_activation, 0),)


def jordan(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Jordan 1986: hidden units see plan and state units, output units see hidden ones; unit by unit."""
    (y,) = states
    hidden = np.zeros(H)
    for k in range(H):
        net = w["b"][k] + sum(w["W"][k, j] * x[j] for j in range(I)) + sum(w["R"][k, j] * y[j] for j in range(P))
        hidden[k] = 1 / (1 + np.exp(-net))
    return (np.array([1 / (1 + np.exp(-(w["c"][k] + np.dot(w["V"][k], hidden)))) for k in range(P)]),)


def mgu(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Zhou et al. 2016: W_f [h, x] and W_h [f ⊙ h, x]."""
    (h,) = states
    Wf, Wh = np.hstack([w["R"][:H], w["W"][:H]]), np.hstack([w["R"][H:], w["W"][H:]])
    f = sigma(Wf @ np.concatenate([h, x]) + w["b"][:H])
    return ((1 - f) * h + f * np.tanh(Wh @ np.concatenate([f * h, x]) + w["b"][H:]),)


def ligru(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Ravanelli et al. 2018, whose batch normalisation adds β, here b, to W x."""
    (h,) = states
    normalised = w["W"] @ x + w["b"]
    z, candidate = sigma(normalised[:H] + w["R"][:H] @ h), np.clip(normalised[H:] + w["R"][H:] @ h, 0, None)
    return (candidate + z * (h - candidate),)


def augru(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Zhou et al. 2018 (DIEN): the GRU's equations, then ũ = a u."""
    (h,) = states
    (Wu, Wr, Wh), (Uu, Ur, Uh), (bu, br, bh) = (np.split(w[name], 3) for name in ("W", "R", "b"))
    u, r = sigma(Wu @ x + Uu @ h + bu), sigma(Wr @ x + Ur @ h + br)
    candidate = np.tanh(Wh @ x + np.diag(r) @ Uh @ h + bh)
    scaled = w["a"] * u
    return (np.diag(1 - scaled) @ h + np.diag(scaled) @ candidate,)


def minimalrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Chen 2017: z = Φ(x), u = σ(U_h h + U_z z + b_u), h = u ⊙ h + (1 − u) ⊙ z."""
    (h,) = states
    z = np.tanh(w["W"] @ x + w["b"])
    u = sigma(np.hstack([w["R"], w["Q"]]) @ np.concatenate([h, z]) + w["bu"])
    return (z + u * (h - z),)


def cfn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Laurent & von Brecht 2016, eqs. 1 and 2."""
    (h,) = states
    gates = sigma(np.hstack([w["R"], w["V"]]) @ np.concatenate([h, x]) + w["b"])
    return ((np.stack([gates[:H], gates[H:]]) * np.tanh(np.stack([h, w["W"] @ x]))).sum(axis=0),)


def brc(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Vecoven et al. 2021, with the biases of the authors' code; unit by unit, for a unit sees itself only."""
    (h,) = states
    Ua, Uc, U = np.split(w["W"], 3)
    new = np.zeros(H)
    for k in range(H):
        a = 1 + np.tanh(Ua[k] @ x + w["w_a"][k] * h[k] + w["b_a"][k])
        c = 1 / (1 + np.exp(-(Uc[k] @ x + w["w_c"][k] * h[k] + w["b_c"][k])))
        new[k] = c * h[k] + (1 - c) * np.tanh(U[k] @ x + a * h[k])
    return (new,)


def nbrc(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Vecoven et al. 2021, with the biases of the authors' code."""
    (h,) = states
    Ua, Uc, U = np.split(w["W"], 3)
    a = 1 + np.tanh(np.hstack([Ua, w["R_a"]]) @ np.concatenate([x, h]) + w["b_a"])
    c = sigma(np.hstack([Uc, w["R_c"]]) @ np.concatenate([x, h]) + w["b_c"])
    return (c * h + (1 - c) * np.tanh(np.hstack([U, np.diag(a)]) @ np.concatenate([x, h])),)


def minlstm(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Feng et al. 2024, section 3.2: gates normalised by their sum."""
    (h,) = states
    (Wf, Wi, Wh), (bf, bi, bh) = np.split(w["W"], 3), np.split(w["b"], 3)
    f, i, candidate = sigma(Wf @ x + bf), sigma(Wi @ x + bi), Wh @ x + bh
    return (f / (f + i) * h + i / (f + i) * candidate,)


def fastrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Kusupati et al. 2018, section 3.1."""
    (h,) = states
    candidate = np.tanh(np.hstack([w["W"], w["R"]]) @ np.concatenate([x, h]) + w["b"])
    return (sigma(w["sa"]) * candidate + sigma(w["sb"]) * h,)


def fastgrnn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Kusupati et al. 2018, section 3.2: W and U stand in both equations."""
    (h,) = states
    zeta, nu = sigma(w["sz"]), sigma(w["sn"])
    z = sigma(w["W"] @ x + w["R"] @ h + w["b"][:H])
    candidate = np.tanh(w["W"] @ x + w["R"] @ h + w["b"][H:])
    return ((zeta * (1 - z) + nu) * candidate + z * h,)


def scrn(x: Array, states: tuple[Array, ...], w: Weights) -> tuple[Array, ...]:
    """Mikolov et al. 2014, section 3, without the softmax over the output."""
    h, s = states
    s = 0.05 * w["B"] @ x + 0.95 * s
    h = sigma(np.hstack([w["P"], w["A"], w["R"]]) @ np.concatenate([s, x, h]))
    return h, s, np.hstack([w["U"], w["V"]]) @ np.concatenate([h, s])


EQUATIONS: dict[str, Step] = {
    "augru": augru,
    "brc": brc,
    "cfn": cfn,
    "fastgrnn": fastgrnn,
    "fastrnn": fastrnn,
    "irnn": irnn,
    "jordan": jordan,
    "ligru": ligru,
    "mgu": mgu,
    "minimalrnn": minimalrnn,
    "minlstm": minlstm,
    "nbrc": nbrc,
    "scrn": scrn,
}

EXACT = tolerance(torch.float64, T)


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_page_computes_its_equations(name: str, dtype: torch.dtype, beginning: str):
    compare(name, EQUATIONS[name], dtype, beginning)


def some(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def test_the_irnn_is_torchs_network_of_rectifiers_and_starts_by_adding_up():
    torch.manual_seed(0)
    layer = Recurrent("irnn", I, H, dtype=torch.float64)
    assert torch.equal(layer.get_parameter("R_l0"), torch.eye(H, dtype=torch.float64))
    theirs = torch.nn.RNN(I, H, nonlinearity="relu", batch_first=True, dtype=torch.float64)
    ours = dict(layer.named_parameters())
    pairs = {"weight_ih_l0": ours["W_l0"], "weight_hh_l0": ours["R_l0"], "bias_ih_l0": ours["b_l0"]}
    theirs.load_state_dict({**pairs, "bias_hh_l0": torch.zeros(H)})
    x, h = some(B, T, I), some(1, B, H)
    (output, (final,)), (expected, end) = layer(x, h), theirs(x, h)
    torch.testing.assert_close((output, final), (expected, end), rtol=0, atol=EXACT)
    with torch.no_grad():
        layer.get_parameter("W_l0").abs_()
        total, _ = layer(x.abs())
    torch.testing.assert_close(total, (x.abs() @ layer.get_parameter("W_l0").T).cumsum(1), rtol=0, atol=EXACT)


def test_the_mgu_is_a_gru_with_one_gate():
    torch.manual_seed(0)
    layer, gru = layer_of("mgu"), layer_of("gru_reset_before")
    w = {n: p.detach() for n, p in layer.named_parameters()}
    opposite = {n: torch.cat([v[:H], -v[:H], v[H:]]) for n, v in w.items()}  # r, z = 1 − r, n
    gru.load_state_dict(opposite)
    x, h = some(B, T, I), some(1, B, H)
    torch.testing.assert_close(layer(x, h)[0], gru(x, h)[0], rtol=0, atol=EXACT)


def test_the_augru_keeps_what_attention_does_not_see():
    torch.manual_seed(0)
    layer = layer_of("augru")
    x, h = some(B, T, I), some(1, B, H)
    output, _ = layer(x, h, per_step={"a": torch.zeros(B, T, dtype=torch.float64)})
    assert torch.equal(output, h[0][:, None].expand(B, T, H))


def test_the_augru_under_full_attention_is_a_gru():
    torch.manual_seed(0)
    layer, gru = layer_of("augru"), layer_of("gru")
    w = {n: p.detach() for n, p in layer.named_parameters()}
    in_order = {n: torch.cat([v[H : 2 * H], -v[:H], v[2 * H :]]) for n, v in w.items()}  # r, z = 1 − u, n
    gru.load_state_dict({**in_order, "bR_l0": torch.zeros(3 * H)})
    x, h = some(B, T, I), some(1, B, H)
    output, _ = layer(x, h, per_step={"a": torch.ones(B, T, dtype=torch.float64)})
    torch.testing.assert_close(output, gru(x, h)[0], rtol=0, atol=EXACT)


def test_the_augru_under_more_attention_takes_more_of_the_new():
    """Linearly: the authors' code, (1 − a) u for the share of the old, does not."""
    torch.manual_seed(0)
    layer = layer_of("augru")
    x, h = some(B, 1, I), some(1, B, H)

    def after(a: float) -> torch.Tensor:
        return layer(x, h, per_step={"a": torch.full((B, 1), a, dtype=torch.float64)})[0][:, 0]

    torch.testing.assert_close(after(0.25) - h[0], 0.25 * (after(1) - h[0]), rtol=0, atol=EXACT)


@pytest.mark.parametrize("seed", range(3))
def test_without_input_the_cfn_comes_to_rest_at_zero(seed: int):
    """Section 2.1: |h'| ≤ θ |h| for each unit, with θ < 1, whatever the weights; large ones here."""
    torch.manual_seed(seed)
    layer = layer_of("cfn")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(6)
    x, h = torch.zeros(B, 400, I, dtype=torch.float64), 2 * some(1, B, H)
    output, _ = layer(x, h)
    sizes = torch.cat([h[0][:, None], output], 1).abs()
    assert ((sizes[:, 1:] < sizes[:, :-1]) | sizes[:, :-1].eq(0)).all()
    assert sizes[:, -1].max() < 1e-2 * sizes[:, 0].max()


def test_a_diagonal_nbrc_is_a_brc():
    torch.manual_seed(0)
    layer, whole = layer_of("brc"), layer_of("nbrc")
    w = {n: p.detach() for n, p in layer.named_parameters()}
    diagonal = {f"R_{g}_l0": torch.diag(w.pop(f"w_{g}_l0")) for g in "ac"}
    whole.load_state_dict({**w, **diagonal})
    x, h = some(B, T, I), some(1, B, H)
    torch.testing.assert_close(layer(x, h)[0], whole(x, h)[0], rtol=0, atol=EXACT)


@pytest.mark.parametrize(("bias", "held"), [(1.0, True), (-1.0, False)])
def test_a_brc_unit_is_bistable_where_its_feedback_is_above_one(bias: float, held: bool):
    """Without input tanh(a h) = h has besides 0 two stable solutions where a = 1 + tanh(b_a) > 1, none where a < 1."""
    layer = Recurrent("brc", 1, 2, dtype=torch.float64, start={"w_a": 0.0, "b_a": bias})
    h = torch.tensor([[[0.1, -0.1]]], dtype=torch.float64)
    output, _ = layer(torch.zeros(1, 500, 1, dtype=torch.float64), h)
    last = output[0, -1].detach()
    a = 1 + np.tanh(bias)
    torch.testing.assert_close(torch.tanh(a * last), last, rtol=0, atol=1e-12)
    assert bool((last.abs() > 0.5).all()) is held
    assert not held or last[0] == -last[1] > 0


def test_which_of_these_are_scans():
    found = {name: [s for scan in scans(built_in()[name].graph) for s in scan.states] for name in EQUATIONS}
    assert {name: states for name, states in found.items() if states} == {"minlstm": ["h"], "scrn": ["s"]}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_two_gates_of_the_minlstm_that_are_shut_still_share(dtype: torch.dtype):
    """σ(−1000) is 0: the shares are then those of e^(−1000) and e^(−1001)."""
    torch.manual_seed(0)
    layer = Recurrent("minlstm", I, H, dtype=dtype, start={"W": 0.0, "b.f": -1000.0, "b.i": -1001.0, "b.n": 2.0})
    x, h = torch.randn(B, 1, I, dtype=dtype), torch.randn(1, B, H, dtype=dtype)
    output, _ = layer(x, h)
    u = 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(output[:, 0].detach(), u * h[0] + (1 - u) * 2, rtol=0, atol=tolerance(dtype, 1))
    assert all(g.isfinite().all() for g in torch.autograd.grad(output.sum(), list(layer.parameters())))


def test_the_minlstms_shares_add_up_to_one():
    """A candidate that is constant is where h stays."""
    torch.manual_seed(0)
    layer = layer_of("minlstm")
    with torch.no_grad():
        layer.get_parameter("W_l0")[2 * H :] = 0
    candidate = layer.get_parameter("b_l0")[2 * H :].detach()
    output, _ = layer(some(B, T, I), candidate.expand(1, B, H))
    torch.testing.assert_close(output, candidate.expand(B, T, H), rtol=0, atol=EXACT)


def test_the_scrns_context_is_a_moving_average():
    torch.manual_seed(0)
    layer, x = layer_of("scrn"), some(B, T, I)
    _, (_, s) = layer(x)
    seen = x @ layer.get_parameter("B_l0").T
    ages = torch.arange(T - 1, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(s[0], 0.05 * (0.95 ** ages[:, None] * seen).sum(1), rtol=0, atol=EXACT)
