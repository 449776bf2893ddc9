"""One kernel per cell and backend; `UNSPOOL_BACKEND` chooses among those that are there."""

import pytest
import torch

from unspool.backends.reference import ReferenceKernel
from unspool.cells import built_in
from unspool.errors import SettingError
from unspool.ir import graph_from_json, graph_to_json
from unspool.nn import GRU
from unspool.runtime import backend_for, kernel_for

CPU = torch.device("cpu")


def test_equal_graphs_share_a_kernel():
    graph = built_in()["gru"].graph
    read_back = graph_from_json(graph_to_json(graph))
    assert read_back is not graph
    assert kernel_for(read_back, "reference") is kernel_for(graph, "reference")
    assert isinstance(kernel_for(graph, "reference"), ReferenceKernel)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_code_runs_what_it_can(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UNSPOOL_BACKEND", raising=False)
    assert backend_for(CPU, dtype) == "llvm"
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    assert backend_for(CPU, dtype) == "reference"


@pytest.mark.parametrize(("device", "dtype"), [("cpu", torch.bfloat16), ("meta", torch.float32)])
def test_the_reference_runs_the_rest(device: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UNSPOOL_BACKEND", raising=False)
    assert backend_for(torch.device(device), dtype) == "reference"
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    with pytest.raises(SettingError, match="it runs float32 and float64 on the CPU"):
        backend_for(torch.device(device), dtype)


def test_an_unknown_backend_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", "abacus")
    with pytest.raises(SettingError, match="UNSPOOL_BACKEND=abacus: no such backend") as caught:
        GRU(2, 3)(torch.zeros(4, 1, 2))
    assert "reference" in str(caught.value.hint)
