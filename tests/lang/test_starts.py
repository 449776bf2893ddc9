"""First values: the laws of every start, who draws what, and what a caller asks for instead."""

import math
import pickle
import re

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from unspool.cells import built_in
from unspool.errors import CellError, SettingError
from unspool.lang import Fixed, Gates, Input, Matrix, Scalar, Start, State, Vector, cell, starts, tanh
from unspool.nn import LSTM, Recurrent

Array = np.ndarray
SEED = 20261129


def drawn(start: Start, *shape: int, **before: Array) -> Array:
    return np.asarray(start.draw(shape, np.random.default_rng(SEED), before))


MATRICES: dict[str, Start] = {
    "constant": starts.constant(0.25),
    "uniform": starts.uniform(-2, 3),
    "normal": starts.normal(0.1),
    "glorot": starts.glorot(),
    "fan_in": starts.fan_in(),
    "normal_fan_in": starts.normal_fan_in(),
    "he": starts.he(),
    "orthogonal": starts.orthogonal(),
    "eye": starts.eye(),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (7, 3), (3, 7)])
def test_a_start_has_the_shape_that_is_asked_for_and_follows_the_seed(name: str, shape: tuple[int, int]):
    values = drawn(MATRICES[name], *shape)
    assert values.shape == shape
    assert values.dtype == np.float64
    assert np.array_equal(values, drawn(MATRICES[name], *shape))
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("start", "mean", "deviation", "largest"),
    [
        (starts.uniform(-2, 3), 0.5, 5 / math.sqrt(12), 3),
        (starts.normal(0.1), 0, 0.1, math.inf),
        (starts.glorot(), 0, math.sqrt(2 / 500), math.sqrt(6 / 500)),
        (starts.fan_in(2), 0, 2 / math.sqrt(3 * 200), 2 / math.sqrt(200)),
        (starts.normal_fan_in(2), 0, 2 / math.sqrt(200), math.inf),
        (starts.he(), 0, math.sqrt(2 / 200), math.inf),
        (starts.normal_columns(2), 0, 2 / 200, math.inf),
        (starts.glorot_normal(), 0, math.sqrt(2 / 500), math.inf),
        (starts.orthogonal(), 0, 1 / math.sqrt(300), math.inf),
    ],
    ids=lambda v: v.text if isinstance(v, Start) else "",
)
def test_moments(start: Start, mean: float, deviation: float, largest: float):
    """Of 300 rows and 200 columns, within five standard errors."""
    values = drawn(start, 300, 200)
    assert float(values.mean()) == pytest.approx(mean, abs=5 * deviation / math.sqrt(values.size))
    assert float(values.std()) == pytest.approx(deviation, rel=5 / math.sqrt(2 * values.size))
    assert np.abs(values).max() <= largest


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9)])
def test_orthogonal_keeps_lengths(shape: tuple[int, int]):
    q = drawn(starts.orthogonal(1.5), *shape)
    gram = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(gram, 2.25 * np.eye(min(shape)), rtol=0, atol=1e-14)


def test_orthogonal_is_uniform_among_such_matrices():
    """Of 1000 of 2 × 2, half are rotations and the first column's angle is uniform: its mean direction is 0."""
    random = np.random.default_rng(SEED)
    many = [starts.orthogonal().draw((2, 2), random, {}) for _ in range(1000)]
    assert sum(np.linalg.det(q) > 0 for q in many) == pytest.approx(500, abs=5 * math.sqrt(250))
    assert np.abs(np.mean([q[:, 0] for q in many], axis=0)).max() < 5 / math.sqrt(2000)


def test_identity():
    assert np.array_equal(drawn(starts.eye(0.5), 3, 3), 0.5 * np.eye(3))
    assert np.array_equal(drawn(starts.eye(), 2, 3), [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("density", [1.0, 0.1])
def test_spectral_radius(density: float):
    matrix = drawn(starts.spectral_radius(0.9, density), 100, 100)
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(0.9, abs=1e-10)
    assert (matrix != 0).mean() == pytest.approx(density, abs=5 * math.sqrt(0.25 / 1e4))


def test_spectral_radius_of_nothing_is_nothing():
    assert np.array_equal(drawn(starts.spectral_radius(0.9, 0.0), 5, 5), np.zeros((5, 5)))


def test_chrono_spreads_time_constants_evenly():
    """1 / (1 − σ(b)) = 1 + e^b, uniform in 2 … longest."""
    steps = 1 + np.exp(drawn(starts.chrono(101), 4000))
    assert 2 <= steps.min() < 2.5
    assert 100.5 < steps.max() <= 101
    assert steps.mean() == pytest.approx(51.5, abs=5 * 28.6 / math.sqrt(4000))


def test_what_follows_from_earlier_first_values():
    f = np.array([1.0, -2.0])
    assert np.array_equal(drawn(starts.negative_of("b.f"), 2, **{"b.f": f}), -f)
    p = drawn(starts.periods(3), 7)
    assert np.array_equal(p, [1, 1, 1, 2, 2, 4, 4])
    sees = drawn(starts.longer_periods("p"), 7, 7, p=p)
    assert np.array_equal(sees, [[float(p[column] >= p[row]) for column in range(7)] for row in range(7)])


@pytest.mark.parametrize("start", [starts.negative_of("p"), starts.longer_periods("p"), starts.ring_gain("p")])
def test_what_follows_from_nothing_says_so(start: Start):
    with pytest.raises(CellError, match=re.escape("the first values of 'p', which has none by then")):
        drawn(start, 3)


def test_no_more_groups_than_units():
    assert np.array_equal(drawn(starts.periods(8), 3), [1, 2, 4])


@pytest.mark.parametrize("units", [1, 4, 5])
def test_planes_turn(units: int):
    """A − Aᵀ is skew-symmetric with one angle for each pair of units."""
    a = drawn(starts.planes(), units, units)
    angles = [a[k, k + 1] for k in range(0, units - 1, 2)]
    assert np.count_nonzero(a) == len(angles) == units // 2
    assert np.abs(a).max(initial=0) <= np.pi
    expected = sorted([s for angle in angles for s in (abs(angle), -abs(angle))] + [0.0] * (units % 2))
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(a - a.T).imag), expected, rtol=0, atol=1e-14)


def test_a_power_law_goes_along_the_units_of_each_head():
    whole = drawn(starts.power_law(5, -7, 0.3), 5)
    np.testing.assert_allclose(whole, [5 - 12 * (k / 4) ** 0.3 for k in range(5)], rtol=1e-15)
    heads = drawn(starts.power_law(5, -7, 0.3, heads="R.f"), 6, **{"R.f": np.zeros((6, 3))})
    np.testing.assert_allclose(heads, [5, 5 - 12 * 0.5**0.3, -7] * 2, rtol=1e-15)
    assert drawn(starts.power_law(5, -7, 0.3), 1) == 5


def test_the_last_units():
    assert drawn(starts.last(2), 5).tolist() == [0, 0, 0, 1, 1]
    assert drawn(starts.last(2), 1).tolist() == [1]


def test_a_definite_diagonal():
    """Of a matrix whose smallest eigenvalue is at least 1 before it is divided by its largest, (1 + √1)² + 1 = 5."""
    values = drawn(starts.definite_diagonal(), 400)
    assert 0 < values.min() < values.max() <= 1
    assert values.mean() == pytest.approx(2 / 5, rel=0.05)


@pytest.mark.parametrize("power", [1.0, 8.0])
def test_a_share_that_is_kept(power: float):
    kept = (1 / (1 + np.exp(drawn(starts.keeping(0.9, 0.999, power), 4000)))) ** power
    assert 0.9 <= kept.min() < 0.901
    assert 0.998 < kept.max() <= 0.999
    assert kept.mean() == pytest.approx(0.9495, abs=5 * 0.099 / math.sqrt(12 * 4000))


def test_a_ring_of_eigenvalues():
    nu = drawn(starts.ring(0.4, 0.9), 4000)
    area = np.exp(-np.exp(nu)) ** 2
    assert 0.16 <= area.min() < area.max() <= 0.81
    assert area.mean() == pytest.approx((0.16 + 0.81) / 2, abs=5 * 0.65 / math.sqrt(12 * 4000))
    angle = np.exp(drawn(starts.phases(6.28), 4000))
    assert 0 < angle.min() < angle.max() <= 6.28
    assert angle.mean() == pytest.approx(3.14, abs=5 * 6.28 / math.sqrt(12 * 4000))
    gain = np.exp(drawn(starts.ring_gain("nu"), 4000, nu=nu))
    np.testing.assert_allclose(gain**2 + area, 1, rtol=1e-14)


@pytest.mark.parametrize(("order", "theta"), [(1, 10.0), (6, 50.0), (12, 784.0)])
def test_a_legendre_memory_is_its_equation_held_for_a_step(order: int, theta: float):
    """Voelker et al. 2019, eqs. 2: θ m' = A m + B u with a_ij = (2i + 1)(−1 if i < j else (−1)^(i−j+1))."""
    i, j = np.meshgrid(np.arange(order), np.arange(order), indexing="ij")
    A = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1)) / theta
    B = (2 * np.arange(order) + 1) * (-1.0) ** np.arange(order) / theta
    held = expm(A)
    np.testing.assert_allclose(drawn(starts.legendre(theta), order, order), held, rtol=0, atol=1e-13)
    expected = np.linalg.solve(A, (held - np.eye(order)) @ B)
    np.testing.assert_allclose(drawn(starts.legendre_input(theta), order), expected, rtol=0, atol=1e-12)


@cell(
    gates="f g",
    start={"W": 2.0, "W.g": 3.0, "b.f": 1.0, "b.g": starts.negative_of("b.f"), "M": 4.0, "k": 5.0, "s": 6.0},
)
def told(
    x: Input,
    h: State,
    *,
    W: Gates[Input],
    R: Gates[State],
    b: Gates,
    k: Fixed[Vector],
    M: Matrix[State],
    s: Scalar,
) -> State:
    return tanh(W.f @ x + W.g @ x + R.f @ h + R.g @ h + b.f + b.g + M @ (k * h) * s)


def test_a_page_says_what_its_parameters_gates_and_numbers_start_with():
    layer = Recurrent(told, 2, 3, num_layers=2, bidirectional=True)
    for suffix in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        values = {n: getattr(layer, n + suffix).detach() for n in ("W", "R", "b", "k", "M", "s")}
        assert values["W"][:3].eq(2).all()
        assert values["W"][3:].eq(3).all()
        assert values["b"].tolist() == [1.0] * 3 + [-1.0] * 3
        assert [values[n].unique().tolist() for n in ("M", "k", "s")] == [[4.0], [5.0], [6.0]]
        assert values["R"].abs().max() <= 1 / math.sqrt(3)
        assert values["R"].unique().numel() == values["R"].numel()


def test_a_layer_without_biases_starts_without_them():
    assert "b_l0" not in dict(Recurrent(told, 2, 3, bias=False, start={"b.f": 7.0}).named_parameters())


def test_a_caller_asks_for_other_first_values():
    layer = Recurrent(told, 2, 3, start={"W": 9.0, "R.g": 0.5, "s": -1.0, "k": 8.0})
    values = {n: v.detach() for n, v in layer.state_dict().items()}
    assert values["W_l0"].eq(9).all()  # of all its gates
    assert values["R_l0"][3:].eq(0.5).all()
    assert values["R_l0"][:3].abs().max() <= 1 / math.sqrt(3)
    assert float(values["s_l0"]) == -1
    assert values["k_l0"].eq(8).all()
    assert values["M_l0"].eq(4).all()


def test_a_caller_asks_for_one_gate():
    values = Recurrent(told, 2, 3, start={"W.f": 9.0, "b.g": 0.5}).state_dict()
    assert values["W_l0"].tolist() == [[9.0, 9.0]] * 3 + [[3.0, 3.0]] * 3
    assert values["b_l0"].tolist() == [1.0] * 3 + [0.5] * 3


def test_what_follows_from_what_a_caller_asks_for():
    assert Recurrent(told, 2, 3, start={"b.f": 7.0}).state_dict()["b_l0"].tolist() == [7.0] * 3 + [-7.0] * 3


@pytest.mark.parametrize(
    ("start", "message", "hint"),
    [
        ({"q": 1.0}, "start: there is no parameter 'q'", "there are: M, R, R.f, R.g, W, W.f, W.g, b, b.f, b.g, k, s"),
        ({"W.z": 1.0}, "start: there is no parameter 'W.z'", "there are:"),
        ({"W": "one"}, "start of 'W': 'one' is neither a number nor a Start", ""),
    ],
)
def test_a_start_that_makes_no_sense(start: dict[str, float], message: str, hint: str):
    with pytest.raises(SettingError, match=re.escape(f"Recurrent(told): {message}")) as caught:
        Recurrent(told, 2, 3, start=start)
    assert hint in str(caught.value)


def test_a_fixed_parameter_needs_first_values():
    with pytest.raises(CellError, match="fixed parameter 'k' has no first value"):

        @cell
        def _(x: Input, h: State, *, W: Matrix[Input], k: Fixed[Vector]) -> State:
            return tanh(W @ x + k * h)


def test_first_values_follow_torchs_seed():
    def values(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        layer = Recurrent("lstm_chrono", 2, 3, 2)
        return torch.nn.utils.parameters_to_vector(layer.parameters())

    assert torch.equal(values(0), values(0))
    assert not torch.equal(values(0), values(1))


def test_layers_and_directions_differ():
    layer = Recurrent("lstm_chrono", 3, 3, 2, bidirectional=True)
    matrices = [p for n, p in layer.named_parameters() if n.startswith("R_")]
    assert len(matrices) == 4
    assert all(not torch.equal(a, b) for k, a in enumerate(matrices) for b in matrices[:k])


def test_each_gate_and_each_block_is_drawn_for_itself():
    layer = Recurrent("slstm", 3, 12, sizes={"N": 3}, dtype=torch.float64, start={"R": starts.orthogonal(), "b.f": 1.0})
    blocks = layer.get_parameter("R_l0").detach().unflatten(0, (12, 4))  # 4 gates of 3 blocks of 4 × 4
    np.testing.assert_allclose(blocks @ blocks.mT, np.broadcast_to(np.eye(4), (12, 4, 4)), rtol=0, atol=1e-14)
    assert all(not torch.equal(blocks[i], blocks[k]) for i in range(12) for k in range(i))


def test_reset_parameters_draws_anew():
    layer = Recurrent("irnn", 2, 3)
    first = layer.get_parameter("W_l0").detach().clone()
    with torch.no_grad():
        layer.get_parameter("R_l0").zero_()
    layer.reset_parameters()
    assert torch.equal(layer.get_parameter("R_l0"), torch.eye(3))
    assert not torch.equal(layer.get_parameter("W_l0"), first)


def test_the_drop_ins_start_as_torchs():
    """So do their pages: another start would be another result for those who changed one line."""
    for name in ("elman", "elman_relu", "gru", "lstm", "lstm_projection"):
        assert not built_in()[name].start
    torch.manual_seed(0)
    ours = LSTM(3, 4, 2)
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(3, 4, 2)
    assert all(torch.equal(v, theirs.state_dict()[n]) for n, v in ours.state_dict().items())


PAGES: dict[str, dict[str, float]] = {
    "irnn": {"b": 0},
    "lstm_1997": {"b.o": -1},
    "lstm_multiplicative": {"b.i": 0, "b.f": 1, "b.g": 0, "b.o": 0},
    "lstm_layernorm": {"aR": 1, "aW": 1, "ac": 1, "bR": 0, "bW": 0, "bc": 0},
    "ligru": {"b": 0},
    "cfn": {"b.theta": 1, "b.eta": -1},
    "brc": {"w_a": 1, "w_c": 1, "b_a": 0, "b_c": 0},
    "nbrc": {"b_a": 0, "b_c": 0},
    "fastrnn": {"b": 1, "sa": -3, "sb": 3},
    "fastgrnn": {"b": 1, "sz": 1, "sn": -4},
    "slstm": {"b.i": 0, "b.z": 0, "b.o": 0},
}


@pytest.mark.parametrize("name", PAGES)
def test_the_constants_that_a_papers_cell_starts_with(name: str):
    page = built_in()[name]
    layer = Recurrent(name, 3, 4, sizes=dict.fromkeys(page.graph.sizes - {"I", "H"}, 2))
    gates = {p.name: p.gates for p in page.graph.parameters}
    for key, expected in PAGES[name].items():
        parameter, _, gate = key.partition(".")
        stored = layer.get_parameter(f"{parameter}_l0").detach()
        part = stored.chunk(len(gates[parameter]))[gates[parameter].index(gate)] if gate else stored
        assert part.eq(expected).all(), key


@pytest.mark.parametrize(
    ("name", "parameter", "low", "high"),
    [
        ("indrnn", "u", 0, 1),
        ("lstm_1997", "W", -0.1, 0.1),
        ("lstm_1997", "R", -0.1, 0.1),
        ("cfn", "W", -0.07, 0.07),
        ("cfn", "V", -0.07, 0.07),
        ("cfn", "R", -0.07, 0.07),
    ],
)
def test_the_ranges_that_a_papers_cell_starts_in(name: str, parameter: str, low: float, high: float):
    torch.manual_seed(0)
    values = Recurrent(name, 400, 400).get_parameter(f"{parameter}_l0").detach()
    width = high - low
    assert low <= values.min() < low + 0.05 * width
    assert high - 0.05 * width < values.max() <= high


@pytest.mark.parametrize(("name", "parameters"), [("ligru", "R"), ("nbrc", "R_a R_c"), ("lstm_chrono", "R")])
def test_the_orthogonal_matrices_that_a_cell_starts_with(name: str, parameters: str):
    layer = Recurrent(name, 3, 8, dtype=torch.float64)
    for parameter in parameters.split():
        for part in layer.get_parameter(f"{parameter}_l0").detach().split(8):
            torch.testing.assert_close(part @ part.T, torch.eye(8, dtype=torch.float64), rtol=0, atol=1e-14)


def test_the_slstms_first_units_forget_slowly():
    layer = Recurrent("slstm", 3, 8, sizes={"N": 2}, dtype=torch.float64)
    f = layer.get_parameter("b_l0").detach()[8:16]
    expected = torch.tensor([-(-5 + 12 * (k / 3) ** 0.3) for k in range(4)], dtype=torch.float64)
    torch.testing.assert_close(f, expected.repeat(2), rtol=1e-14, atol=0)


def test_a_pickled_layer_keeps_its_values_and_cannot_draw_anew():
    layer = Recurrent("exprnn", 2, 3)
    again = pickle.loads(pickle.dumps(layer))  # noqa: S301 - what was pickled a moment ago
    assert torch.equal(again(torch.ones(1, 2, 2))[0], layer(torch.ones(1, 2, 2))[0])
    with pytest.raises(CellError, match="has lost how its first values are drawn"):
        again.reset_parameters()
