"""What the papers prove of their cells, measured: structure, bounds, stability, steps of any length."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.golden.harness import I, weights_of
from unspool.cells import built_in
from unspool.nn import Recurrent
from unspool.passes import as_run, scans
from unspool.testing.tolerances import tolerance

B, H, P = 3, 6, 5


class Step(NamedTuple):
    """One step's parts, float64: an input [B, I], states [B, ·] each."""

    layer: Recurrent
    x: Tensor
    states: tuple[Tensor, ...]

    def run(self, x: Tensor, *states: Tensor, dt: float | None = None) -> tuple[Tensor, ...]:
        """The next states."""
        per_step = None if dt is None else {"dt": x.new_full((len(x), 1), dt)}
        return tuple(s[0] for s in self.layer(x[:, None], tuple(s[None] for s in states), per_step=per_step)[1])

    def after(self, *dts: float) -> tuple[Tensor, ...]:
        """The states after steps of these lengths with the same input."""
        states = self.states
        for dt in dts:
            states = self.run(self.x, *states, dt=dt)
        return states


def step_of(name: str, *, scale: float = 1.0, hidden_size: int = H) -> Step:
    """A step of a page as it starts, but with drawn biases; from drawn states, or for clocks from zero."""
    torch.manual_seed(0)
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, P)
    layer = Recurrent(name, I, hidden_size, dtype=torch.float64, sizes=sizes).requires_grad_(False)
    states = tuple(scale * torch.randn(B, size, dtype=torch.float64) for size in layer.state_sizes)
    return Step(layer, torch.randn(B, I, dtype=torch.float64), states)


def jacobian(step: Step, row: int = 0) -> np.ndarray:
    """∂s'/∂s [k, H, k, H] of one sequence."""

    def following(states: Tensor) -> Tensor:
        return torch.stack([s[0] for s in step.run(step.x[row : row + 1], *(s[None] for s in states))])

    return torch.autograd.functional.jacobian(following, torch.stack([s[row] for s in step.states])).numpy()


@pytest.mark.parametrize("name", ["indrnn", "unicornn", "lru", "qrnn", "rglru", "sru", "mingru", "minlstm"])
def test_every_unit_sees_its_own_past_only(name: str):
    found = jacobian(step_of(name))
    for unit in range(H):
        found[:, unit, :, unit] = 0
    assert (found == 0).all()


@pytest.mark.parametrize("name", ["lru", "mingru", "minlstm", "qrnn", "rglru"])
def test_a_linear_recurrence_is_found_to_be_one(name: str):
    graph = as_run(built_in()[name].graph)
    assert sorted(s for scan in scans(graph) for s in scan.states) == sorted(s.name for s in graph.states)


@pytest.mark.parametrize("name", ["sru", "indrnn", "unicornn", "lstm", "gru"])
def test_what_is_not_one_is_not(name: str):
    assert scans(as_run(built_in()[name].graph)) == ()


def test_the_orthogonal_matrix_is_orthogonal():
    step = step_of("exprnn", hidden_size=40)
    U = step.layer.layer_parameters(0)["U"]
    torch.testing.assert_close(U @ U.T, torch.eye(40, dtype=torch.float64), rtol=0, atol=1e-12)
    assert (U - torch.eye(40)).abs().max() > 0.5


def test_the_orthogonal_cell_keeps_lengths_where_modrelu_does_nothing():
    step = step_of("exprnn", hidden_size=40)
    step.layer.get_parameter("bm_l0").zero_()
    output, _ = step.layer(torch.zeros(B, 1000, I, dtype=torch.float64), step.states[0][None])
    before = step.states[0].norm(dim=1, keepdim=True)
    torch.testing.assert_close(output.norm(dim=2), before.expand(B, 1000), rtol=1e-12, atol=0)


EPS, GAMMA = 0.03, 0.001  # of the page antisymmetric


def slopes(step: Step, row: int) -> np.ndarray:
    """The derivative of tanh at every unit."""
    w, x, h = weights_of(step.layer), step.x[row].numpy(), step.states[0][row].numpy()
    return 1 - np.tanh(w["W"] @ x + w["b"] + (w["M"] - w["M"].T - GAMMA * np.eye(H)) @ h) ** 2


@pytest.mark.parametrize("scale", [0.0, 1.0, 5.0])
def test_the_antisymmetric_equations_jacobian_has_imaginary_eigenvalues_without_diffusion(scale: float):
    """Proposition 3 of arXiv:1902.09689: diag(φ′) (M − Mᵀ) has, since it is similar to a skew-symmetric matrix.

    The equation's own is (∂h'/∂h − I)/ε = diag(φ′) (M − Mᵀ − γ I), so γ diag(φ′) is added; at the origin φ′ = 1.
    """
    step = step_of("antisymmetric", scale=scale)
    if scale == 0:
        step.x.zero_()
    for row in range(B):
        whole = (jacobian(step, row)[0, :, 0, :] - np.eye(H)) / EPS
        derivative = slopes(step, row)
        without = np.linalg.eigvals(whole + GAMMA * np.diag(derivative))
        assert np.abs(without.real).max() < 1e-12
        assert np.abs(without.imag).max() > 0.05
        with_it = np.linalg.eigvals(whole).real
        assert (with_it < -GAMMA * derivative.min() + 1e-12).all()
        assert (with_it > -GAMMA * derivative.max() - 1e-12).all()


@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
@pytest.mark.parametrize("coupling", [1.0, 20.0])
def test_the_energy_of_coupled_oscillators_is_bounded(scale: float, coupling: float):
    """Proposition 3.1 of arXiv:2010.00951 bounds it by m n Δt after n steps of m units from rest, whatever the weights.

    It sets γ = ε = 1 and damps at the new z. The page damps at the old z as the authors' code; then
    E = γ |y|² + |z|² grows by at most m Δt / (ε − γ Δt) in a step: by
    ΔE = γ Δt² |z'|² − (1 − ε Δt) |z' − z|² + 2 Δt z'·tanh − ε Δt (|z'|² + |z|²), where ε Δt ≤ 1 and |tanh| ≤ 1.
    """
    time_step, gamma, epsilon, steps = 0.042, 2.7, 4.7, 5000
    step = step_of("cornn")
    for parameter in step.layer.parameters():
        parameter.mul_(coupling)
    pushes = scale * torch.randn(B, steps, I, dtype=torch.float64)
    pushes[1] = scale * torch.ones(I)  # a constant drive
    pushes[2] = scale * torch.sin(1.643 * time_step * torch.arange(steps))[:, None]  # and one in resonance, √γ
    states = tuple(torch.zeros(1, B, H, dtype=torch.float64) for _ in range(2))
    y, _ = step.layer(pushes, states)
    z = torch.diff(y, dim=1, prepend=torch.zeros(B, 1, H)) / time_step
    energy = (gamma * y**2 + z**2).sum(2)
    n = torch.arange(1, steps + 1)
    assert (energy <= n * time_step * H / (epsilon - gamma * time_step)).all()
    assert (energy[:, 0] > 0).all()


@pytest.mark.parametrize("dt", [0.0, 1e-3, 1.0, 50.0, 1e6])
@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e6])
def test_shunting_stays_between_floor_and_ceiling_at_any_step(dt: float, strength: float):
    step = step_of("shunting")
    for parameter in step.layer.parameters():
        parameter.normal_(0, 3)
    ceiling, floor = (torch.nn.functional.softplus(step.layer.get_parameter(n)) for n in ("sB_l0", "sD_l0"))
    start = -floor + (ceiling + floor) * torch.rand(1, B, H, dtype=torch.float64)
    x = strength * torch.randn(B, 100, I, dtype=torch.float64)
    output, _ = step.layer(x, start, per_step={"dt": x.new_full((B, 100), dt)})
    assert (output <= ceiling + 1e-12).all()
    assert (output >= -floor - 1e-12).all()


@pytest.mark.parametrize("strength", [1.0, 1e3])
def test_lem_stays_within_one_at_any_step(strength: float):
    step, rows = step_of("lem"), 100
    x = strength * torch.randn(rows, 200, I, dtype=torch.float64)
    start = tuple(2 * torch.rand(1, rows, H, dtype=torch.float64) - 1 for _ in range(2))
    output, (_, z) = step.layer(x, start, per_step={"dt": 50 * torch.rand(rows, 200, dtype=torch.float64)})
    assert (output.abs() <= 1).all()
    assert (z.abs() <= 1).all()


@pytest.mark.parametrize("dt", [0.3, 1.0, 7.0, 50.0])
def test_ctrnn_goes_no_further_than_where_its_equation_would_rest(dt: float):
    step = step_of("ctrnn", scale=3.0)
    w = weights_of(step.layer)
    (h,), (after,) = (s.numpy() for s in step.states), (s.numpy() for s in step.after(dt))
    target = np.tanh(h) @ w["R"].T + step.x.numpy() @ w["W"].T + w["b"]
    share = (after - h) / (target - h)
    assert (share > 0).all()
    assert (share <= 1 + 1e-12).all()


@pytest.mark.parametrize("dt", [0.1, 1.0, 1e3, 1e9])
def test_ltc_stays_between_zero_and_its_potentials_at_any_step(dt: float):
    """Theorem 2 of arXiv:2006.04439: min(0, A) ≤ h ≤ max(0, A), and its solver keeps to it."""
    step = step_of("ltc")
    step.layer.get_parameter("s_l0").normal_(0, 3)
    A = step.layer.get_parameter("A_l0")
    low, high = A.clamp(max=0), A.clamp(min=0)
    start = low + (high - low) * torch.rand(1, B, H, dtype=torch.float64)
    x = 10 * torch.randn(B, 100, I, dtype=torch.float64)
    output, _ = step.layer(x, start, per_step={"dt": x.new_full((B, 100), dt)})
    assert (output >= low - 1e-12).all()
    assert (output <= high + 1e-12).all()


@pytest.mark.parametrize("pushed", ["i", "f", "z", "o"])
@pytest.mark.parametrize("by", [-80.0, 80.0])
@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_the_slstm_is_stable_at_large_pre_activations(
    pushed: str, by: float, backend: str, monkeypatch: pytest.MonkeyPatch
):
    """e^80 is 5e34, and its square is beyond float32: values and gradients are those of float64."""
    monkeypatch.setenv("UNSPOOL_BACKEND", backend)
    found = []
    torch.manual_seed(0)
    x = torch.randn(B, 20, I)
    for dtype in (torch.float64, torch.float32):
        torch.manual_seed(0)
        layer = Recurrent("slstm", I, H, dtype=torch.float32, sizes={"N": 2}).to(dtype)
        with torch.no_grad():
            layer.get_parameter("b_l0").view(4, H)["ifzo".index(pushed)] += by
        leaf = x.to(dtype).requires_grad_()
        output, final = layer(leaf)
        gradients = torch.autograd.grad(output.square().sum(), [leaf, *layer.parameters()])
        found.append([output.detach(), *(f.detach() for f in final), *gradients])
    for exact, single in zip(*found, strict=True):
        assert single.isfinite().all()
        allowed = tolerance(torch.float32, 20, scale=float(exact.abs().max()))
        torch.testing.assert_close(single.double(), exact, rtol=0, atol=allowed)


def test_a_slow_group_of_the_clockwork_holds_its_value_between_its_ticks():
    step = step_of("clockwork", hidden_size=8)
    x = torch.randn(1, 300, I, dtype=torch.float64)
    output, _ = step.layer(x)
    for unit in range(8):  # of periods 1, 2, …, 128
        moves = (torch.diff(output[0, :, unit]) != 0).nonzero()[:, 0] + 1
        assert moves.tolist() == list(range(2**unit, 300, 2**unit))


@pytest.mark.parametrize("hidden_size", [20, 200])
def test_an_echo_state_network_forgets_where_it_began(hidden_size: int):
    step = step_of("esn", hidden_size=hidden_size)
    x = torch.randn(1, 600, I, dtype=torch.float64).expand(2, -1, -1)
    output, _ = step.layer(x, 2 * torch.rand(1, 2, hidden_size, dtype=torch.float64) - 1)
    apart = (output[0] - output[1]).abs().amax(1)
    assert apart[0] > 0.1
    assert apart[-1] < 1e-6
    R = step.layer.stored_parameters(0)["R"].numpy()
    assert np.abs(np.linalg.eigvals(R)).max() == pytest.approx(0.9, rel=1e-9)


def test_the_legendre_memory_holds_a_window_of_its_input():
    """Eq. 3 of Voelker et al. 2019: u(t − r θ) ≈ Σ P_i(2 r − 1) m_i, with Legendre polynomials P_i, for r in 0 … 1."""
    order, theta = 12, 100
    layer = Recurrent("lmu", 1, 1, dtype=torch.float64, sizes={"P": order}).requires_grad_(False)
    for name, value in (("ex", 1.0), ("eh", 0.0), ("em", 0.0)):
        layer.get_parameter(f"{name}_l0").fill_(value)
    signal = torch.sin(torch.arange(700, dtype=torch.float64) / 40)
    m = layer(signal[None, :, None])[1][1][0, 0].numpy()
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        decoded = np.polynomial.legendre.legval(2 * share - 1, m)
        # the last value is held for the step, so the memory is half a step younger than its input
        expected = np.sin((699.5 - share * theta) / 40)
        assert decoded == pytest.approx(expected, abs=5e-3)


STEPPED = ["cornn", "ctrnn", "lem", "lipschitz", "ltc", "shunting", "unicornn"]


@pytest.mark.parametrize("name", STEPPED)
def test_a_step_of_no_time_leaves_the_state(name: str):
    step = step_of(name)
    for found, before in zip(step.after(0.0), step.states, strict=True):
        torch.testing.assert_close(found, before, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", STEPPED)
def test_two_half_steps_are_one_whole_to_second_order(name: str):
    """A quarter of the time, a sixteenth of the difference; and the difference is one in earnest."""
    step = step_of(name)

    def apart(dt: float) -> float:
        pairs: Callable[..., zip[tuple[Tensor, Tensor]]] = zip
        return max(float((a - b).abs().max()) for a, b in pairs(step.after(dt), step.after(dt / 2, dt / 2)))

    assert apart(1e-2) > 1e-9
    assert apart(1e-2) / apart(2.5e-3) == pytest.approx(16, rel=0.05)
