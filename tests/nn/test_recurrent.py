"""`Recurrent`: what it is made of, and what it refuses."""

import copy
import math
import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from tests.lang.mgu_page import mgu
from unspool.cells import built_in
from unspool.errors import CellError, SettingError, ShapeError
from unspool.lang import (
    Blocks,
    Cell,
    Gates,
    Input,
    Map,
    Matrix,
    Output,
    PerStep,
    Sized,
    State,
    Symbol,
    Vector,
    cell,
    tanh,
)
from unspool.nn import Recurrent

Z = torch.zeros
X = Z(2, 5, 3)
AsWide = Annotated[Symbol, Sized("I")]
Heads = Annotated[Symbol, Blocks("N")]


@cell
def read_out(x: Input, h: State, *, W: Matrix[Input], C: Map[State, Input]) -> tuple[State, Output]:
    h = tanh(W @ x + h)
    return h, C @ h


@cell
def differencing(x: Input, h: State, u: AsWide, *, W: Matrix[Input]) -> tuple[State, AsWide]:
    return tanh(W @ (x - u) + h), x


@cell
def forgetful(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return W @ x


@cell
def counter(x: Input, h: State) -> State:
    return h + 1


@cell
def two_inputs(x: Input, u: Input, h: State, *, W: Matrix[Input]) -> State:
    return tanh(W @ (x - u) + h)


@cell
def clock(h: State, *, R: Matrix[State]) -> State:
    return tanh(R @ h)


@cell(gates="a b")
def irregular(
    x: Input, dt: PerStep, h: State, seen: PerStep, *, W: Matrix[Input], R: Gates[Heads], b: Vector
) -> tuple[State, Output]:
    h = h + dt * tanh(W @ x + R.a @ h + R.b @ tanh(h) + b)
    return h, seen * h


def test_parameters_are_named_as_on_the_page():
    layer = Recurrent("lstm_projection", 3, 4, 2, bidirectional=True, learn_initial_state=True, sizes={"P": 2})
    assert {n: tuple(p.shape) for n, p in layer.named_parameters()} == {
        **{f"W_l0{d}": (16, 3) for d in ("", "_reverse")},
        **{f"W_l1{d}": (16, 4) for d in ("", "_reverse")},
        **{f"{n}_l{k}{d}": (16,) for n in ("b", "bR") for k in (0, 1) for d in ("", "_reverse")},
        **{f"R_l{k}{d}": (16, 2) for k in (0, 1) for d in ("", "_reverse")},
        **{f"P_l{k}{d}": (2, 4) for k in (0, 1) for d in ("", "_reverse")},
        "initial_h": (4, 1, 2),
        "initial_c": (4, 1, 4),
    }
    assert (layer.output_size, layer.state_sizes) == (4, (2, 4))


def test_without_biases_there_are_none():
    assert {n for n, _ in Recurrent("gru", 3, 4, bias=False).named_parameters()} == {"W_l0", "R_l0"}


def test_parameters_start_as_torchs():
    torch.manual_seed(3)
    layer = Recurrent("gru", 3, 16, learn_initial_state=True)
    torch.manual_seed(3)
    theirs = nn.GRU(3, 16)
    assert torch.equal(layer.get_parameter("W_l0"), theirs.get_parameter("weight_ih_l0"))
    assert torch.equal(layer.get_parameter("R_l0"), theirs.get_parameter("weight_hh_l0"))
    assert max(float(p.detach().abs().max()) for p in layer.parameters()) <= 1 / math.sqrt(16)
    assert not layer.get_parameter("initial_h").any()


def test_a_learned_initial_state_is_where_it_starts():
    layer = Recurrent(mgu, 3, 4, learn_initial_state=True)
    with torch.no_grad():
        layer.get_parameter("initial_h").uniform_()
    x = torch.randn(2, 5, 3)
    given = layer.get_parameter("initial_h").expand(-1, 2, -1)
    assert torch.equal(layer(x)[0], layer(x, given)[0])
    layer(x)[0].sum().backward()
    gradient = layer.get_parameter("initial_h").grad
    assert gradient is not None
    assert gradient.all()


def test_one_state_needs_no_tuple():
    layer, x, h = Recurrent("gru", 3, 4), torch.randn(2, 5, 3), torch.randn(1, 2, 4)
    assert torch.equal(layer(x, h)[0], layer(x, (h,))[0])


def test_dropout_is_between_layers_and_in_training_only():
    torch.manual_seed(0)
    layer, x = Recurrent("gru", 3, 8, 2, dropout=1.0), torch.randn(2, 5, 3)
    other = torch.randn(2, 5, 3)
    assert torch.equal(layer(x)[0], layer(other)[0])  # nothing of x gets through
    layer.eval()
    assert not torch.equal(layer(x)[0], layer(other)[0])
    single = Recurrent("gru", 3, 8, dropout=1.0)
    assert not torch.equal(single(x)[0], single(other)[0])


def test_an_output_of_the_inputs_size_carries_through_layers():
    layer = Recurrent(read_out, 3, 4, 2, bidirectional=True)
    output, (h,) = layer(torch.randn(2, 5, 3))
    assert output.shape == (2, 5, layer.output_size) == (2, 5, 12)
    assert h.shape == (4, 2, 4)


def test_a_state_may_have_the_inputs_size():
    output, (h, u) = Recurrent(differencing, 3, 4)(x := torch.randn(2, 5, 3))
    assert torch.equal(u[0], x[:, -1])
    assert (output.shape, h.shape) == ((2, 5, 4), (1, 2, 4))


@pytest.mark.parametrize(("page", "last"), [(forgetful, None), (counter, 5.0)], ids=["forgetful", "counter"])
def test_a_page_need_not_use_everything(page: Cell, last: float | None):
    layer = Recurrent(page, 3, 4, bidirectional=True)
    output, (h,) = layer(torch.randn(2, 5, 3), lengths=torch.tensor([5, 5]))
    assert output.shape == (2, 5, 8)
    assert torch.equal(h[0], output[:, -1, :4])
    assert torch.equal(h[1], output[:, 0, 4:])
    assert last is None or (h == last).all()


def test_numbers_per_step_and_block_diagonal_matrices():
    """Against the equations written in torch, the block-diagonal matrices filled up with zeros."""
    layer = Recurrent(irregular, 3, 6, 2, bidirectional=True, sizes={"N": 3}, dtype=torch.float64)
    assert layer.get_parameter("R_l0").shape == (12, 2)
    x, dt = torch.randn(2, 5, 3, dtype=torch.float64), torch.rand(2, 5, dtype=torch.float64)
    seen = torch.randn(2, 5) > 0
    output, final = layer(x, per_step={"seen": seen, "dt": dt})
    ends = []
    for suffix in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        if suffix == "_l1":
            x = torch.cat(ends[:2], -1)
        W, R, b = (layer.get_parameter(name + suffix) for name in ("W", "R", "b"))
        Ra, Rb = (torch.block_diag(*part.split(2)) for part in R.chunk(2))
        h, steps = x.new_zeros(2, 6), [x.new_zeros(2, 6)] * 5
        for t in reversed(range(5)) if "reverse" in suffix else range(5):
            h = h + dt[:, t, None] * torch.tanh(x[:, t] @ W.T + h @ Ra.T + torch.tanh(h) @ Rb.T + b)
            steps[t] = seen[:, t, None] * h
        ends.append(torch.stack(steps, 1))
        torch.testing.assert_close(final[0][len(ends) - 1], h)
    torch.testing.assert_close(output, torch.cat(ends[2:], -1))


PER_STEP: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({}, SettingError, "per_step dt, seen is missing"),
    ({"per_step": {"dt": Z(2, 5)}}, SettingError, "per_step seen is missing"),
    ({"per_step": {"dt": Z(2, 5), "seen": Z(2, 5), "x": Z(2, 5)}}, SettingError, "per_step x is not on the cell's"),
    ({"per_step": {"dt": Z(2, 5, 1), "seen": Z(2, 5)}}, ShapeError, r"dt is \[2, 5, 1\] on cpu; expected \[B=2, T=5\]"),
    ({"per_step": {"dt": Z(2, 5).double(), "seen": Z(2, 5)}}, ShapeError, r"dt is torch\.float64, x is torch\.float32"),
]


@pytest.mark.parametrize(("arguments", "kind", "says"), PER_STEP, ids=[says for *_, says in PER_STEP])
def test_bad_numbers_per_step_are_refused(arguments: dict[str, Any], kind: type[Exception], says: str):
    with pytest.raises(kind, match=says):
        Recurrent(irregular, 3, 4, sizes={"N": 2})(X, **arguments)


def test_a_cell_without_numbers_per_step_takes_none():
    with pytest.raises(SettingError, match="per_step dt is not on the cell's page") as caught:
        Recurrent("gru", 3, 4)(X, per_step={"dt": Z(2, 5)})
    assert caught.value.hint == "leave per_step out"


def test_copies_and_dtypes():
    layer = Recurrent("lstm", 3, 4, learn_initial_state=True)
    twin = copy.deepcopy(layer).double()
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(twin(x.double())[0].float(), layer(x)[0])
    fresh = Recurrent("lstm", 3, 4, learn_initial_state=True)
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh(x)[0], layer(x)[0])
    assert Recurrent("gru", 3, 4, device="meta").get_parameter("W_l0").device.type == "meta"


def test_a_parameter_replaced_pruned_or_parametrised_is_followed():
    layer, x = Recurrent("gru", 3, 4), torch.randn(2, 5, 3)
    without, pruned, parametrised = (copy.deepcopy(layer) for _ in range(3))
    without.R_l0 = nn.Parameter(torch.zeros_like(without.get_parameter("R_l0")))
    prune.l1_unstructured(pruned, "R_l0", amount=1.0)
    nn.utils.parametrize.register_parametrization(parametrised, "R_l0", _Nothing())
    for changed in (pruned, parametrised):
        assert torch.equal(changed(x)[0], without(x)[0])
    assert not torch.equal(layer(x)[0], without(x)[0])


class _Nothing(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return torch.zeros_like(weight)


def test_it_prints_what_is_not_usual():
    assert repr(Recurrent("gru", 3, 4)) == "Recurrent(gru, input_size=3, hidden_size=4)"
    assert repr(Recurrent("gru", 3, 4, checkpoint_every=8)).endswith("hidden_size=4, checkpoint_every=8)")
    deep = Recurrent(mgu, 3, 4, 2, dropout=0.5, bias=False)
    assert repr(deep) == "Recurrent(mgu, input_size=3, hidden_size=4, num_layers=2, bias=False, dropout=0.5)"


def test_autocast_takes_inputs_of_another_dtype():
    layer, x = Recurrent("gru", 3, 4), torch.randn(2, 5, 3)
    with torch.autocast("cpu", torch.bfloat16):
        output, _ = layer(x.bfloat16())
    torch.testing.assert_close(output.float(), layer(x)[0], rtol=0.05, atol=0.02)


BAD_SETTINGS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: Recurrent("gruu", 3, 4), CellError, "unknown cell 'gruu'"),
    (lambda: Recurrent("lstm_projection", 3, 4), SettingError, r"Recurrent\(lstm_projection\): sizes P are missing"),
    (lambda: Recurrent("gru", 3, 4, sizes={"P": 2}), SettingError, "sizes P are not on its page"),
    (lambda: Recurrent("gru", 0, 4), ShapeError, "I is 0"),
    (lambda: Recurrent("gru", 3, -1), ShapeError, "H is -1"),
    (lambda: Recurrent("gru", 3, 4, 0), ShapeError, "num_layers is 0"),
    (lambda: Recurrent("gru", 3, 4, dropout=1.5), SettingError, r"dropout is 1\.5"),
    (lambda: Recurrent("gru", 3, 4, checkpoint_every=0), SettingError, "checkpoint_every is 0"),
    (lambda: Recurrent(two_inputs, 3, 4), SettingError, "the page has 2 inputs that are vectors"),
    (lambda: Recurrent(clock, 3, 4), SettingError, "the page has 0 inputs that are vectors"),
    (lambda: Recurrent(irregular, 3, 4), SettingError, "sizes N are missing"),
    (lambda: Recurrent(irregular, 3, 4, sizes={"N": 3}), SettingError, "H=4 units cannot be cut into N=3 equal blocks"),
    (lambda: Recurrent(irregular, 3, 4, sizes={"N": 0}), ShapeError, "N is 0"),
    (lambda: Recurrent(differencing, 3, 4, 2), SettingError, "a state has the input's size"),
]


@pytest.mark.parametrize(("make", "kind", "says"), BAD_SETTINGS, ids=[says for *_, says in BAD_SETTINGS])
def test_a_bad_setting_is_refused(make: Callable[[], Any], kind: type[Exception], says: str):
    with pytest.raises(kind, match=says):
        make()


def test_a_missing_size_is_shown_how_to_give():
    with pytest.raises(SettingError) as caught:
        Recurrent("lstm_projection", 3, 4)
    assert "sizes={'P': 16}" in str(caught.value.hint)


BAD_CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("gru", {"x": Z(2, 5, 4)}, r"Recurrent\(gru\): x has 4 features.*\n  x \[B=2, T=5, I=4\]    W \[3·H=12, I=3\]"),
    ("elman", {"x": Z(2, 5, 4)}, r"    W \[H=4, I=3\]"),
    ("gru", {"x": Z(5, 3)}, r"x has 2 axes \[5, 3\]; it must have 3, \[B, T, I=3\]"),
    ("gru", {"x": Z(2, 0, 3)}, r"x \[B=2, T=0, I=3\] has no time steps"),
    ("gru", {"x": X.double()}, r"x is torch\.float64, the weights are torch\.float32"),
    ("gru", {"x": X.to("meta")}, "x is on meta, the weights on cpu"),
    ("gru", {"x": X, "initial_state": Z(1, 3, 4)}, r"initial state h is \[1, 3, 4\]; expected \[L·D=1, B=2, 4\]"),
    ("gru", {"x": X, "initial_state": Z(1, 2, 4).double()}, r"initial state h is torch\.float64 on cpu, x is"),
    ("lstm", {"x": X, "initial_state": Z(1, 2, 4)}, r"1 initial states given; the cell has 2: h, c"),
    ("gru", {"x": X, "lengths": torch.tensor([5])}, r"lengths is torch\.int64 \[1\]; expected integers \[B=2\]"),
    ("gru", {"x": X, "lengths": Z(2)}, r"lengths is torch\.float32 \[2\]"),
    ("gru", {"x": X, "lengths": torch.tensor([0, 5])}, r"lengths run from 0 to 5; .* between 1 and T=5"),
    ("gru", {"x": X, "lengths": torch.tensor([1, 6])}, "lengths run from 1 to 6"),
    ("gru", {"x": X, "reset": Z(2, 4, dtype=torch.bool)}, r"reset is torch\.bool \[2, 4\]; expected bool \[B=2, T=5\]"),
    ("gru", {"x": X, "reset": Z(2, 5)}, r"reset is torch\.float32"),
]


@pytest.mark.parametrize(("name", "arguments", "says"), BAD_CALLS, ids=[says for *_, says in BAD_CALLS])
def test_a_bad_call_is_refused(name: str, arguments: dict[str, Any], says: str):
    with pytest.raises(ShapeError, match=says) as caught:
        Recurrent(name, 3, 4)(**arguments)
    assert not re.search(r"0x[0-9a-f]{6}", str(caught.value))


def test_every_page_runs_at_its_smallest():
    for name, page in built_in().items():
        layer = Recurrent(name, 1, 1, sizes=dict.fromkeys(page.graph.sizes - {"I", "H"}, 1))
        given = {v.name: Z(1, 1) for v in page.graph.number_inputs if v.default is None}
        output, final = layer(Z(1, 1, 1), per_step=given)
        assert isinstance(output, Tensor)
        assert len(final) == len(page.graph.states)


def test_what_a_page_fixes_is_stored_and_not_learned():
    layer = Recurrent("clockwork", 3, 8, 2, bidirectional=True)
    fixed = {f"{name}_l{k}{way}" for name in "pm" for k in (0, 1) for way in ("", "_reverse")}
    assert set(dict(layer.named_buffers())) == fixed
    assert fixed.isdisjoint(dict(layer.named_parameters()))
    assert fixed <= set(layer.state_dict())
    assert not list(Recurrent("esn", 3, 8).parameters())
    assert {p.name for p in layer.cell.graph.parameters if p.fixed} == {"p", "m"}
