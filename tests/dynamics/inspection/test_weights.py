"""Layers read from safetensors files: those of torch.nn, of Unspool, of nobody."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.kinds import KINDS
from unspool.cells import built_in
from unspool.dynamics.inspection.weights import layer_from_file
from unspool.errors import CellError, ModelError, SettingError, ShapeError
from unspool.nn import Recurrent


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    ("made", "cell"),
    [
        (torch.nn.GRU(3, 5, num_layers=2), "gru"),
        (torch.nn.LSTM(3, 5), "lstm"),
        (torch.nn.LSTM(3, 5, bias=False), "lstm"),
        (torch.nn.LSTM(3, 5, num_layers=2, proj_size=2), "lstm_projection"),
        (torch.nn.RNN(3, 5), "elman"),
        (torch.nn.RNN(3, 5, nonlinearity="relu"), "elman_relu"),
    ],
    ids=str,
)
@pytest.mark.parametrize("prefix", ["", "encoder.rnn."])
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_torchs_layers_compute_the_same(made: torch.nn.RNNBase, cell: str, prefix: str, file: Path):
    readout = {"readout.weight": torch.zeros(1, 5), "readout.b": torch.zeros(1)}
    save_file({f"{prefix}{k}": v for k, v in made.state_dict().items()} | readout, file)
    layer = layer_from_file(file, cell)
    x = torch.randn(7, 2, 3)
    expected, _ = made(x)
    found, _ = layer(x.transpose(0, 1).double())
    torch.testing.assert_close(found.transpose(0, 1), expected.double(), atol=1e-6, rtol=1e-5)
    assert not any(p.requires_grad for p in layer.parameters())


@pytest.mark.parametrize("name", KINDS)
def test_every_cell_of_ours_comes_back(name: str, file: Path):
    graph = built_in()[name].graph
    sizes = dict.fromkeys(graph.sizes - {"I", "H"}, 4) | {letter: 2 for _, letter in graph.divisions}
    made = Recurrent(name, 3, 8, 1 if any(s.size == "I" for s in graph.states) else 2, sizes=sizes)
    save_file({f"0.network.layer.{k}": v.detach() for k, v in made.state_dict().items()}, file)
    layer = layer_from_file(file, name)
    assert layer.extra_repr() == made.extra_repr()
    for (key, expected), found in zip(made.state_dict().items(), layer.state_dict().values(), strict=True):
        assert (found == expected.double()).all(), key


def test_a_single_step_of_torchs_and_low_precision(file: Path):
    save_file({k: v.bfloat16() for k, v in torch.nn.GRUCell(3, 5).state_dict().items()}, file)
    layer = layer_from_file(file, "gru")
    assert (layer.input_size, layer.hidden_size, layer.get_parameter("R_l0").dtype) == (3, 5, torch.float64)


def test_one_of_several_layers(file: Path):
    parts = {f"{p}.{k}": v for p, n in (("enc", 3), ("dec", 4)) for k, v in torch.nn.GRU(n, 5).state_dict().items()}
    save_file(parts, file)
    assert layer_from_file(file, "gru", prefix="dec").input_size == 4
    assert layer_from_file(file, "gru", prefix="enc.").input_size == 3
    with pytest.raises(ModelError, match="holds 2 recurrent layers: 'dec', 'enc'"):
        layer_from_file(file, "gru")
    with pytest.raises(ModelError, match="under 'out'"):
        layer_from_file(file, "gru", prefix="out")


def gru(**changed: Tensor) -> dict[str, Tensor]:
    return {**torch.nn.GRU(3, 5).state_dict(), **changed}


BAD = {
    "another cell": (torch.nn.LSTM(3, 5).state_dict(), "gru", ShapeError, r"is \[20\]; in a gru of 5 units"),
    "a cell of the same shapes": (torch.nn.LSTM(3, 5).state_dict(), "lem", ModelError, "no place for bias_hh_l0"),
    "bidirectional": (torch.nn.GRU(3, 5, bidirectional=True).state_dict(), "gru", SettingError, "bidirectional"),
    "no recurrent layer": (torch.nn.Linear(3, 5).state_dict(), "gru", ModelError, "no weights of a layer of gru"),
    "nothing": ({}, "gru", ModelError, "no weights of a layer of gru"),
    "no units": (
        {"weight_ih_l0": torch.zeros(0, 3), "weight_hh_l0": torch.zeros(0, 0)}, "gru", ShapeError, "size H .* is zero"
    ),
    "a missing key": ({"weight_ih_l0": torch.zeros(15, 3)}, "gru", ModelError, r"R_l0 \(weight_hh_l0 in torch.nn\)"),
    "another number of axes": (gru(weight_hh_l0=torch.zeros(15)), "gru", ShapeError, "R_l0 is"),
    "integers": ({k: v.to(torch.int8) for k, v in gru().items()}, "gru", ModelError, "holds torch.int8"),
    "an unknown cell": (gru(), "gruu", CellError, "unknown cell 'gruu'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_weights_that_are_no_such_layer(case: str, file: Path):
    weights, cell, kind, says = BAD[case]
    save_file(weights, file)
    with pytest.raises(kind, match=says):
        layer_from_file(file, cell)


def test_files_that_are_no_weights(file: Path):
    save_file(gru(), file)
    whole = file.read_bytes()
    for content in (b"", b"hello world, " * 9, whole[: len(whole) // 2], whole[8:], b"\xff" * 100):
        file.write_bytes(content)
        with pytest.raises(ModelError, match="damaged, or no safetensors file"):
            layer_from_file(file, "gru")
    with pytest.raises(ModelError, match="does not exist"):
        layer_from_file(file.with_name("none"), "gru")
    with pytest.raises(ModelError, match="is not a file"):
        layer_from_file(file.parent, "gru")


@pytest.mark.parametrize("new", [False, True])
def test_a_pickle_is_never_read(new: bool, file: Path):
    torch.save(torch.nn.GRU(3, 5).state_dict(), file, _use_new_zipfile_serialization=new)
    with pytest.raises(ModelError, match="is a pickle") as refused:
        layer_from_file(file, "gru")
    assert "save_file" in (refused.value.hint or "")
