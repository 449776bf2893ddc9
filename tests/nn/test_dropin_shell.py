"""Around the computation the drop-ins are torch.nn's layers: constructor, attributes, parameters, copies, errors."""

import copy
import inspect
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import unspool.nn
from tests.nn.dropins import KINDS, H, I, call_for, outcome, pair
from unspool.errors import ShapeError

OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bias": False, "batch_first": True},
    {"num_layers": 3, "dropout": 0.25, "bidirectional": True, "dtype": torch.float64},
]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_option = pytest.mark.parametrize("options", OPTIONS, ids=["plain", "bare", "deep"])


@every_kind
@every_option
def test_the_same_seed_gives_the_same_parameters(kind: str, options: dict[str, Any]):
    theirs, ours = pair(kind, **options)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    for (name, expected), (our_name, found) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        assert our_name == name
        assert torch.equal(found, expected)
    torch.manual_seed(5)
    theirs.reset_parameters()
    torch.manual_seed(5)
    ours.reset_parameters()
    assert all(torch.equal(a, b) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True))


@every_kind
@every_option
def test_a_state_dict_loads_either_way(kind: str, options: dict[str, Any]):
    theirs, ours = pair(kind, **options)
    ours.reset_parameters()
    for source, target in ((ours, copy.deepcopy(theirs)), (theirs, copy.deepcopy(ours))):
        assert not torch.equal(target.weight_hh_l0, source.weight_hh_l0)
        target.load_state_dict(source.state_dict(), strict=True)
        call = call_for(source.eval(), "batched", states=True)
        expected, found = outcome(source, call)[0], outcome(target.eval(), call)[0]
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value)


@every_kind
@every_option
def test_the_attributes_are_torchs(kind: str, options: dict[str, Any]):
    theirs, ours = pair(kind, **options)
    assert repr(ours) == repr(theirs)
    for name in (*theirs.__constants__, *(["nonlinearity"] if "RNN" in kind else [])):
        assert getattr(ours, name) == getattr(theirs, name)
    assert [[p.shape for p in layer] for layer in ours.all_weights] == [
        [p.shape for p in layer] for layer in theirs.all_weights
    ]
    assert ours.all_weights[0][0] is ours.weight_ih_l0
    assert isinstance(ours, nn.RNNBase)
    assert ours.flatten_parameters() is None


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_options_have_torchs_order_and_defaults(name: str):
    written = (getattr(nn, name).__doc__ or "").partition("__init__(")[2].partition(")")[0]  # as torch documents them
    parameters = inspect.signature(getattr(unspool.nn, name)).parameters.values()
    ours = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert ",".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in ours) == written


@every_kind
def test_copies_are_whole_and_apart(kind: str):
    _, ours = pair(kind, num_layers=2)
    call = call_for(ours, "batched", states=False)
    twin = copy.deepcopy(ours)
    with torch.no_grad():
        ours.weight_ih_l0.zero_()
    before = outcome(twin, call)[0]["output"]
    assert not torch.equal(outcome(ours, call)[0]["output"], before)
    assert twin.double().weight_hh_l1.dtype == torch.float64
    assert outcome(twin, call_for(twin, "batched", states=False))[0]["output"].dtype == torch.float64
    assert twin.to(torch.float32).to("cpu").weight_hh_l1.dtype == torch.float32


@every_kind
def test_a_parameter_may_be_replaced(kind: str):
    theirs, ours = pair(kind)
    for layer in (theirs, ours):
        layer.weight_hh_l0 = nn.Parameter(torch.eye(layer.weight_hh_l0.shape[0])[:, : layer.weight_hh_l0.shape[1]])
    call = call_for(ours, "batched", states=False)
    torch.testing.assert_close(outcome(ours, call)[0]["output"], outcome(theirs, call)[0]["output"])


@every_kind
def test_a_parametrised_weight_is_followed(kind: str):
    _, ours = pair(kind)
    call = call_for(ours, "batched", states=False)
    halved = copy.deepcopy(ours)
    nn.utils.parametrize.register_parametrization(halved, "weight_hh_l0", _Half())
    with torch.no_grad():
        ours.weight_hh_l0 *= 0.5
    torch.testing.assert_close(halved(call.data)[0], ours(call.data)[0])


class _Half(nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight / 2


@every_kind
def test_an_empty_batch(kind: str):
    theirs, ours = pair(kind, num_layers=2, bidirectional=True)
    x = torch.zeros(3, 0, I)
    for a, b in zip(flat(theirs(x)), flat(ours(x)), strict=True):
        assert a.shape == b.shape


def flat(result: Any) -> list[torch.Tensor]:
    output, final = result
    return [output, *(final if isinstance(final, tuple) else (final,))]


def test_one_layer_with_dropout_is_warned_of():
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last"):
        unspool.nn.GRU(I, H, dropout=0.5)


BAD_OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("GRU", {"proj_size": 2}),
    ("RNN", {"proj_size": 2}),
    ("LSTM", {"proj_size": H}),
    ("LSTM", {"proj_size": -1}),
    ("RNN", {"nonlinearity": "sine"}),
    ("GRU", {"dropout": 1.5}),
    ("GRU", {"dropout": True}),
    ("GRU", {"bias": 1}),
    ("GRU", {"batch_first": None}),
    ("GRU", {"num_layers": 0}),
    ("GRU", {"input_size": 0}),
    ("GRU", {"hidden_size": 2.5}),
]


@pytest.mark.parametrize(("name", "options"), BAD_OPTIONS, ids=str)
def test_bad_options_raise_what_torch_raises(name: str, options: dict[str, Any]):
    sizes = {"input_size": I, "hidden_size": H}
    with pytest.raises(Exception) as theirs:
        getattr(nn, name)(**{**sizes, **options})
    with pytest.raises(theirs.type):
        getattr(unspool.nn, name)(**{**sizes, **options})


def packed(features: int) -> PackedSequence:
    return pack_sequence([torch.zeros(3, features), torch.zeros(2, features)])


Z = torch.zeros
BAD_CALLS: list[tuple[str, tuple[Any, ...], str]] = [
    ("GRU", (Z(2, 5, 4),), r"GRU: x has 4 features; .* input_size=3\.\n  x \[T=2, B=5, I=4\]    W \[3·H=12, I=3\]"),
    ("LSTM", (Z(2, 5),), r"LSTM: x has 5 features.*\n  x \[T=2, I=5\]    W \[4·H=16, I=3\]"),
    ("RNN", (packed(4),), r"RNN: x has 4 features.*\n  x \[N=5, I=4\]    W \[H=4, I=3\]"),
    ("GRU", (Z(3),), r"x has 1 axes \[3\]; it must have three, \[T, B, I=3\], or two, \[T, I=3\]"),
    ("GRU", (Z(1, 2, 3, 3),), r"x has 4 axes \[1, 2, 3, 3\]"),
    ("GRU", (Z(0, 5, 3),), r"x \[T=0, B=5, I=3\] has no time steps"),
    ("GRU", (Z(2, 5, 3, dtype=torch.float64),), r"x is torch\.float64, the weights are torch\.float32"),
    ("GRU", (Z(2, 5, 3), Z(1, 4, 4)), r"initial state h is \[1, 4, 4\]; expected \[L·D=1, B=5, 4\]"),
    ("GRU", (Z(2, 5, 3), Z(5, 4)), r"x has 3 axes, the initial state 2"),
    ("GRU", (Z(2, 3), Z(1, 1, 4)), r"x has 2 axes, the initial state 3"),
    ("GRU", (packed(3), Z(1, 3, 4)), r"initial state h is \[1, 3, 4\]; expected \[L·D=1, B=2, 4\]"),
    ("GRU", (Z(2, 5, 3), Z(1, 5, 4, dtype=torch.float64)), r"initial state h is torch\.float64 on cpu, x is torch\.f"),
    ("LSTM", (Z(2, 5, 3), (Z(1, 5, 4), Z(1, 5, 5))), r"initial state c is \[1, 5, 5\]"),
    ("LSTM", (Z(2, 5, 3), (Z(1, 5, 4),)), r"1 initial states given; the cell has 2: h, c"),
    ("LSTM", (Z(2, 5, 3), Z(1, 5, 4)), r"one initial state \[1, 5, 4\] given; it has two"),
]


@pytest.mark.parametrize(("name", "arguments", "says"), BAD_CALLS)
def test_a_shape_that_does_not_fit_is_named(name: str, arguments: tuple[Any, ...], says: str):
    layer = getattr(unspool.nn, name)(I, H)
    with pytest.raises(ShapeError, match=says):
        layer(*arguments)


def test_batch_first_is_named_in_its_order():
    with pytest.raises(ShapeError, match=r"x \[B=2, T=5, I=4\]"):
        unspool.nn.GRU(I, H, batch_first=True)(Z(2, 5, 4))


def test_autocast_runs():
    layer = unspool.nn.LSTM(I, H)
    with torch.autocast("cpu", torch.bfloat16):
        output, (h, c) = layer(Z(2, 5, I))
    assert {output.dtype, h.dtype, c.dtype} <= {torch.bfloat16, torch.float32}
