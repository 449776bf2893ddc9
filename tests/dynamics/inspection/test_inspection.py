"""An inspection: every analysis together, known answers in, known answers out, for people and for programs."""

import copy
import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from unspool.dynamics.inspection.as_json import inspection_to_json
from unspool.dynamics.inspection.inspection import Inspection, inspect
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import GRU, LSTM, RNN, Recurrent

MATRIX = torch.tensor([[0.9, 0.2, 0.0], [-0.2, 0.9, 0.0], [0.1, 0.0, 0.5]], dtype=torch.float64)
"""Eigenvalues 0.9 ± 0.2 i and 0.5."""


def linear(matrix: Tensor) -> Recurrent:
    layer = Recurrent("elman_linear", 1, len(matrix), dtype=torch.float64)
    with torch.no_grad():
        layer.get_parameter("R_l0").copy_(matrix)
    return layer


def inputs(steps: int, size: int, seed: int = 0) -> Tensor:
    return torch.randn(steps, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def of_linear() -> Inspection:
    return inspect(linear(MATRIX), inputs(600, 1), steps=600)


def test_a_linear_network_with_known_eigenvalues(of_linear: Inspection):
    known = np.linalg.eigvals(MATRIX.numpy())
    modulus = np.sort(np.abs(known))[::-1]
    assert of_linear.spectrum is not None
    assert of_linear.lyapunov is not None
    assert of_linear.horizon is not None
    assert of_linear.fixed_points is not None
    np.testing.assert_allclose(of_linear.spectrum.radius, modulus[0], rtol=1e-12)
    np.testing.assert_allclose(of_linear.spectrum.norm, np.linalg.norm(MATRIX.numpy(), 2), rtol=1e-12)
    found, errors = of_linear.lyapunov.exponents.numpy(), of_linear.lyapunov.errors.numpy()
    assert (np.abs(found - np.log(modulus)) <= 4 * errors + 1e-3).all()
    norms = [np.linalg.norm(np.linalg.matrix_power(MATRIX.numpy(), lag), 2) for lag in range(200)]
    assert of_linear.horizon.horizon == max(lag for lag, norm in enumerate(norms) if norm >= 1e-3)
    assert of_linear.fixed_points.kinds == ("focus",)
    np.testing.assert_allclose(
        np.sort(of_linear.odes["exact"].time_constants.numpy()), np.sort(-1 / np.log(np.abs(known))), rtol=1e-9
    )
    assert of_linear.missing == {}
    assert of_linear.driven


def test_an_lstm_says_why_its_logarithm_is_missing():
    found = inspect(LSTM(2, 6), inputs(300, 2), steps=300)
    assert found.size == 12
    assert set(found.missing) <= {"ode exact", "ode backward"}
    assert (
        "exact" in found.odes or "logarithm" in found.missing["ode exact"] or "singular" in found.missing["ode exact"]
    )
    assert found.memory is not None
    assert [m.state for m in found.memory] == ["h", "c"]
    assert "its gate f keeps" in found.diagnosis.limit


def test_a_unit_that_no_one_reads_is_lost_at_once_and_json_says_so():
    with torch.no_grad():
        layer = linear(torch.diag(torch.tensor([0.5, 0.0, 0.0], dtype=torch.float64)))
    found = inspect(layer, inputs(200, 1), steps=200)
    assert found.lyapunov is not None
    plain = json.loads(json.dumps(inspection_to_json(found), allow_nan=False))
    assert plain["lyapunov"]["exponents"][1:] == ["-Infinity", "-Infinity"]
    assert [float(v) for v in plain["lyapunov"]["exponents"]] == found.lyapunov.exponents.tolist()
    assert plain["missing"].keys() == found.missing.keys()
    assert plain["horizon"]["horizon"] == 9  # 0.5^9 > 1e-3 > 0.5^10
    assert plain["state_size"] == 3


def test_left_to_itself_it_does_not_stay_on_an_unstable_rest():
    layer = RNN(1, 2, bias=False)
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0").copy_(torch.diag(torch.tensor([1.8, 0.5])))
    found = inspect(layer, steps=200)
    assert not found.driven
    assert found.fixed_points is not None
    assert sorted(found.fixed_points.kinds) == ["node", "node", "saddle"]
    assert found.lyapunov is not None
    assert found.lyapunov.exponents[0] < 0  # at zero it is ln 1.8
    assert "2 stable nodes and 1 saddle" in found.diagnosis.rest


def test_one_input_held_is_not_driving():
    assert not inspect(GRU(2, 3), torch.ones(60, 2), steps=60).driven


def test_a_network_that_explodes_is_measured_up_to_there():
    found = inspect(linear(torch.eye(2, dtype=torch.float64) * 1.5), inputs(400, 1), steps=400)
    assert found.escaped is not None
    assert 40 < found.escaped < 60  # 1.5^51 = 1e9
    assert found.steps < found.escaped
    assert f"leaves all bounds in step {found.escaped}" in str(found.diagnosis)
    assert [r.name for r in found.remedies] == ["clipping"]
    with pytest.raises(DataError, match="leaves all bounds in step"):
        inspect(linear(torch.eye(2, dtype=torch.float64) * 1e6), inputs(400, 1))


def test_chaos_is_told_from_fading():
    torch.manual_seed(1)
    layer = RNN(2, 48)
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0").copy_(torch.randn(48, 48) * 2.2 / 48**0.5)
    found = inspect(layer)
    assert "which is chaos" in found.diagnosis.limit
    assert "clipping" in found.diagnosis.advice
    assert found.certificate is not None


def test_weights_that_must_vanish_are_named_as_the_limit():
    layer = RNN(1, 4)
    with torch.no_grad():
        matrix = layer.get_parameter("weight_hh_l0")
        matrix.mul_(0.5 / torch.linalg.matrix_norm(matrix, 2))
    found = inspect(layer, inputs(200, 1), steps=200)
    assert found.diagnosis.limit.startswith(
        "Its weights alone set this limit: whatever the input, a step leaves at most 0.5"
    )


def test_what_is_needed_decides_what_to_try(of_linear: Inspection):
    assert of_linear.horizon is not None
    reach = of_linear.horizon.horizon
    assert reach is not None
    assert of_linear.reach == 2 * reach
    layer, x = linear(MATRIX), inputs(600, 1)
    enough = inspect(layer, x, steps=600, needed=reach)
    assert (enough.remedies, enough.diagnosis.advice) == ((), "Nothing needs to be done about its gradients.")
    assert "within reach" in enough.diagnosis.reach
    short = inspect(layer, x, steps=600, needed=reach + 5)
    assert "the furthest 5 teach it nothing" in short.diagnosis.reach
    assert short.remedies
    assert all(r.name in short.diagnosis.advice for r in short.remedies)


def test_a_memory_longer_than_a_stretch_is_looked_for_further_back():
    found = inspect(linear(torch.eye(1, dtype=torch.float64) * 0.97), inputs(700, 1), steps=700)
    assert found.horizon is not None
    assert found.horizon.horizon == math.floor(math.log(1e-3) / math.log(0.97))  # 226 steps; a stretch has 63
    assert found.portrait is None
    assert "plane needs" in found.missing["portrait"]


def test_layers_are_one_system_and_sequences_are_pooled():
    layer = Recurrent("gru", 2, 3, num_layers=2)
    found = inspect(layer, torch.stack([inputs(50, 2, k) for k in range(9)]), steps=200)
    assert (found.size, found.num_layers, found.sequences, found.steps) == (6, 2, 4, 45)
    assert found.memory is not None
    assert [(m.layer, m.state) for m in found.memory] == [(0, "h"), (1, "h")]


def test_the_layer_stays_as_it_was_and_the_seed_decides():
    layer = GRU(2, 4)
    before, state = copy.deepcopy(layer.state_dict()), torch.random.get_rng_state()
    x = inputs(120, 2)
    first, second = (inspection_to_json(inspect(layer, x, steps=120, seed=3)) for _ in range(2))
    assert first == second
    assert all((layer.state_dict()[k] == v).all() for k, v in before.items())
    assert (torch.random.get_rng_state() == state).all()


def test_bad_input():
    layer = GRU(2, 4)
    with pytest.raises(SettingError, match="bidirectional"):
        inspect(GRU(2, 4, bidirectional=True))
    with pytest.raises(SettingError, match="Linear is not a recurrent layer"):
        inspect(torch.nn.Linear(2, 2))
    with pytest.raises(ShapeError, match=r"x is \[50, 3\]"):
        inspect(layer, torch.zeros(50, 3))
    with pytest.raises(DataError, match="NaN"):
        inspect(layer, torch.full((50, 2), math.nan))
    with pytest.raises(SettingError, match="steps is 5"):
        inspect(layer, steps=5)
    with pytest.raises(SettingError, match="needed 0"):
        inspect(layer, needed=0)
    with pytest.raises(SettingError, match="count 0"):
        inspect(layer, count=0)
    with pytest.raises(SettingError, match=r"epsilon is 1\.0"):
        inspect(layer, epsilon=1.0)
    with torch.no_grad():
        layer.get_parameter("bias_ih_l0")[0] = math.inf
    with pytest.raises(DataError, match="bias_ih_l0"):
        inspect(layer)
