"""First values: what is set, what is left, and who is refused."""

import math

import pytest
import torch
from torch import Tensor

from unspool.errors import SettingError
from unspool.nn import GRU, LSTM, RNN, Recurrent
from unspool.nn.initialisation import init_chrono, init_forget_bias, init_identity, init_orthogonal

H = 12


def changed(layer: torch.nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {n for n, v in layer.state_dict().items() if not torch.equal(v, before[n])}


def copy(layer: torch.nn.Module) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {n: v.clone() for n, v in layer.state_dict().items()}


def test_orthogonal_is_set_gate_by_gate_in_every_layer_and_direction():
    layer = GRU(3, H, 2, bidirectional=True, dtype=torch.float64)
    before = copy(layer)
    init_orthogonal(layer, gain=1.5)
    recurrent = {f"weight_hh_l{k}{d}" for k in (0, 1) for d in ("", "_reverse")}
    assert changed(layer, before) == recurrent
    for name in recurrent:
        for matrix in layer.get_parameter(name).chunk(3):
            assert torch.allclose(matrix @ matrix.T, 2.25 * torch.eye(H, dtype=torch.float64), atol=1e-12)


def test_orthogonal_blocks_of_a_block_diagonal_matrix():
    layer = Recurrent("slstm", 3, H, sizes={"N": 3}, dtype=torch.float64)
    init_orthogonal(layer)
    blocks = layer.get_parameter("R_l0").detach().unflatten(0, (12, 4))  # 4 gates of 3 blocks of 4 × 4
    assert torch.allclose(blocks @ blocks.mT, torch.eye(4, dtype=torch.float64).expand(12, 4, 4), atol=1e-12)


def test_every_matrix_that_a_state_meets_is_recurrent():
    layer = Recurrent("cornn", 3, H)
    before = copy(layer)
    init_orthogonal(layer)
    assert changed(layer, before) == {"R_l0", "Q_l0"}
    projected = LSTM(3, H, proj_size=5)
    before = copy(projected)
    init_orthogonal(projected)
    assert changed(projected, before) == {"weight_hh_l0", "weight_hr_l0"}


def test_the_identity_adds_up_the_inputs():
    layer = RNN(3, H, 2, nonlinearity="relu")
    before = copy(layer)
    init_identity(layer, 0.5)
    for k in (0, 1):
        assert torch.equal(layer.get_parameter(f"weight_hh_l{k}"), 0.5 * torch.eye(H))
        assert layer.get_parameter(f"bias_hh_l{k}").eq(0).all()
        assert layer.get_parameter(f"bias_ih_l{k}").eq(0).all()
        assert torch.equal(layer.get_parameter(f"weight_ih_l{k}"), before[f"weight_ih_l{k}"])


def test_an_lstms_chrono_start_spreads_its_forget_gates():
    layer = LSTM(1, 4000)
    before = copy(layer)
    init_chrono(layer, 101)
    assert changed(layer, before) == {"bias_ih_l0", "bias_hh_l0"}
    both = (layer.get_parameter("bias_ih_l0") + layer.get_parameter("bias_hh_l0")).detach()
    i, f, g, o = both.chunk(4)
    assert torch.equal(i, -f)
    usual = (before["bias_ih_l0"] + before["bias_hh_l0"]).chunk(4)
    assert torch.equal(g, usual[2])
    assert torch.equal(o, usual[3])
    u = f.double().exp()  # time constants of 1/(1 − f) = 1 + u steps, uniform in 2 … 101
    assert u.min() >= 1 - 1e-6
    assert u.max() <= 100 * (1 + 1e-6)
    assert float(u.mean()) == pytest.approx(50.5, abs=4 * 28.6 / 4000**0.5)
    assert float(u.std()) == pytest.approx(28.6, rel=0.05)


@pytest.mark.parametrize(
    ("cell", "name", "part", "opens"),
    [("gru", "b_l0", slice(H, 2 * H), 1), ("mingru", "b_l0", slice(0, H), -1), ("leaky", "s_l0", slice(0, H), -1)],
)
def test_the_gate_that_keeps_is_read_off_the_page(cell: str, name: str, part: slice, opens: int):
    layer = Recurrent(cell, 2, H)
    before = copy(layer)
    init_forget_bias(layer, 2.0)
    expected = before[name].clone()
    expected[part] = 2.0 * opens
    assert torch.equal(layer.get_parameter(name).detach(), expected)
    assert changed(layer, before) - {"bR_l0"} == {name}
    if cell == "gru":  # its second bias would add to the first
        assert layer.get_parameter("bR_l0")[part].eq(0).all()


def test_a_forget_bias_of_one_in_every_layer():
    layer = LSTM(2, H, 2, bidirectional=True)
    init_forget_bias(layer)
    for suffix in ("l0", "l1", "l0_reverse", "l1_reverse"):
        both = layer.get_parameter(f"bias_ih_{suffix}") + layer.get_parameter(f"bias_hh_{suffix}")
        assert both[H : 2 * H].eq(1).all()


def test_a_layer_that_was_set_still_learns():
    layer = LSTM(2, H)
    init_orthogonal(layer)
    init_chrono(layer, 10)
    layer(torch.ones(4, 3, 2))[0].sum().backward()
    assert all(p.requires_grad and p.grad is not None for p in layer.parameters())


def test_who_has_nothing_to_set_is_told_so():
    with pytest.raises(SettingError, match="identity is for cells without gates"):
        init_identity(LSTM(2, H))
    with pytest.raises(SettingError, match="indrnn: the cell has no recurrent matrix"):
        init_orthogonal(Recurrent("indrnn", 2, H))
    with pytest.raises(SettingError, match="no recurrent matrix"):
        init_identity(Recurrent("indrnn", 2, H))
    with pytest.raises(SettingError, match="not square"):
        init_identity(Recurrent("shallow_plrnn", 2, H, sizes={"P": 7}))
    for layer in (RNN(2, H), GRU(2, H, bias=False), Recurrent("slstm", 2, H, sizes={"N": 2})):
        with pytest.raises(SettingError, match="none to open"):
            init_forget_bias(layer)
    for longest in (2, 0, -5, math.nan):
        with pytest.raises(SettingError, match="must be above 2"):
            init_chrono(GRU(2, H), longest)
