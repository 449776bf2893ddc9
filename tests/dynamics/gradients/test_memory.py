"""The time constant of every unit, and the gate that holds it."""

import pytest
import torch

from unspool.cells import find_cell
from unspool.dynamics.gradients.memory import unit_memory
from unspool.dynamics.spectra.lyapunov import lyapunov_spectrum
from unspool.errors import DataError, SettingError
from unspool.nn import GRU, LSTM, Recurrent
from unspool.passes import as_run
from unspool.passes.retention import retentions


@pytest.fixture(autouse=True)
def reference(monkeypatch: pytest.MonkeyPatch):
    """Nothing to compile."""
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")


def test_an_lstms_memory_is_its_forget_gate():
    torch.manual_seed(0)
    layer = LSTM(2, 5)
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0").zero_()
        layer.get_parameter("weight_ih_l0").zero_()
        layer.get_parameter("bias_ih_l0").zero_()
        layer.get_parameter("bias_hh_l0")[5:10] = torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0])
    h, c = unit_memory(layer, steps=10)
    f = torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0], dtype=torch.float64).sigmoid()
    assert (h.state, h.gate, c.state, c.gate) == ("h", None, "c", "f")
    assert torch.allclose(c.kept, f)
    assert torch.allclose(c.own, f)
    assert torch.allclose(c.time_constants, -1 / f.log())
    assert float(c.time_constants[4]) == pytest.approx(20.58, abs=0.01)  # half of it is gone after 14 steps
    assert h.time_constants.tolist() == [0.0] * 5  # h' does not read h


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_without_recurrence_it_is_the_lyapunov_spectrum(cell: str):
    """KNOWN-ANSWERS §2: the exponents are ⟨ln z⟩, or ⟨ln f⟩ and −∞."""
    torch.manual_seed(0)
    layer = Recurrent(cell, 2, 4)
    torch.nn.init.zeros_(layer.get_parameter("R_l0"))
    x = torch.randn(1000, 2)
    kept = unit_memory(layer, x)[-1].kept.log().sort(descending=True).values
    found = lyapunov_spectrum(layer, x, discard=0, discard_q=0, count=4)
    assert ((found.exponents - kept).abs() < 4 * found.errors).all()  # Q starts in directions of its own


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman", "lstm_peephole"])
def test_its_own_derivative_is_the_jacobians_diagonal(cell: str):
    torch.manual_seed(0)
    layer, x = Recurrent(cell, 2, 3, dtype=torch.float64), torch.randn(1, 2, dtype=torch.float64)
    state = torch.randn(sum(layer.state_sizes), dtype=torch.float64)

    def step(s: torch.Tensor) -> torch.Tensor:
        _, final = layer(x[None], [part[None, None] for part in s.split(layer.state_sizes)])
        return torch.cat(final, -1).flatten()

    jacobian = torch.autograd.functional.jacobian(step, state)
    assert isinstance(jacobian, torch.Tensor)
    own = torch.cat([m.own for m in unit_memory(layer, x, initial_state=state)])
    assert torch.allclose(own, jacobian.diagonal().abs())


def test_of_a_gru_with_recurrence_it_is_the_update_gate_and_not_the_derivative():
    torch.manual_seed(0)
    layer, x = GRU(2, 3, batch_first=True, dtype=torch.float64), torch.randn(4, 9, 2, dtype=torch.float64)
    with torch.no_grad():
        h = torch.cat([torch.zeros(4, 1, 3, dtype=torch.float64), layer(x)[0][:, :-1]], 1)
        parts = [x @ layer.get_parameter("weight_ih_l0").T, h @ layer.get_parameter("weight_hh_l0").T]
        z = (sum(parts) + layer.get_parameter("bias_ih_l0") + layer.get_parameter("bias_hh_l0"))[..., 3:6].sigmoid()
    (found,) = unit_memory(layer, x)
    assert torch.allclose(found.kept, z.log().mean((0, 1)).exp())
    assert not torch.allclose(found.kept, found.own, rtol=0.01)


def test_layers_are_told_apart():
    torch.manual_seed(0)
    layer = GRU(2, 3, 2)
    with torch.no_grad():
        layer.get_parameter("bias_ih_l1")[3:6] = 5
    lower, upper = unit_memory(layer, torch.randn(2, 30, 2))
    assert [m.layer for m in (lower, upper)] == [0, 1]
    assert float(upper.time_constants.min()) > 50 > float(lower.time_constants.max())


GATES = {
    "elman": [None],
    "indrnn": [None],
    "gru": ["z"],
    "gru_reset_before": ["z"],
    "mingru": ["1 − z"],
    "lstm": [None, "f"],
    "lstm_layernorm": [None, "f"],
    "lstm_projection": [None, "f"],
    "slstm": [None, "f", None, None],
    "lem": ["1 − q", "1 − s"],
    "ctrnn": ["1 − k"],
}


@pytest.mark.parametrize("cell", GATES)
def test_the_gate_is_read_off_the_page(cell: str):
    found = retentions(as_run(find_cell(cell).graph))
    assert [r and r.text for r in found] == GATES[cell]


@pytest.mark.parametrize("cell", [c for c, gates in GATES.items() if any(gates)])
def test_without_recurrence_the_gate_is_all_that_a_unit_keeps(cell: str):
    graph = find_cell(cell).graph
    sizes = {letter: 2 if letter == "N" else 5 for letter in graph.sizes - {"I", "H"}}
    torch.manual_seed(0)
    layer = Recurrent(cell, 2, 4, sizes=sizes, dtype=torch.float64)
    for name, parameter in layer.named_parameters():
        if name == "R_l0":
            torch.nn.init.zeros_(parameter)
    state = 1 + torch.rand(sum(layer.state_sizes), dtype=torch.float64)
    for memory in unit_memory(layer, torch.randn(1, 2), initial_state=state):
        if memory.gate:
            assert torch.allclose(memory.kept, memory.own)


def test_bad_input_is_named():
    with pytest.raises(SettingError, match="bidirectional"):
        unit_memory(GRU(2, 3, bidirectional=True), steps=3)
    with pytest.raises(DataError, match="NaN"):
        unit_memory(GRU(2, 3), torch.full((3, 2), torch.nan))
    layer = Recurrent("elman_linear", 1, 1, dtype=torch.float64)
    torch.nn.init.constant_(layer.get_parameter("R_l0"), 1e300)
    with pytest.raises(DataError, match="leaves the finite numbers"):
        unit_memory(layer, torch.ones(5, 1))
