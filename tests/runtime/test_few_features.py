"""An input of few features is multiplied in the loop, feature by feature; of one feature also where it is learned."""

import pytest
import torch
from torch import Tensor

from tests.kinds import KINDS
from unspool.cells import built_in
from unspool.nn import Recurrent
from unspool.runtime import kernel_for
from unspool.runtime.compiled import CompiledKernel
from unspool.testing.tolerances import tolerance

B, T, H = 3, 6, 6


def results(name: str, features: int, dtype: torch.dtype, *, learned: bool) -> dict[str, Tensor]:
    """Output, final states and every gradient, of ragged sequences with a reset."""
    torch.manual_seed(0)
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, 3)
    layer = Recurrent(name, features, H, sizes=sizes, dtype=dtype, learn_initial_state=True)
    x = torch.randn(B, T, features, dtype=dtype, requires_grad=learned)
    reset = torch.arange(B * T).view(B, T) % 5 == 0
    output, final = layer(x, lengths=torch.tensor([6, 1, 4]), reset=reset)
    loss = output.square().sum() + sum(s.sin().sum() for s in final)
    leaves = dict(layer.named_parameters()) | ({"x": x} if learned else {})
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    found = {"output": output.detach()} | {f"final {i}": s.detach() for i, s in enumerate(final)}
    return found | dict(zip(leaves, gradients, strict=True))


@pytest.mark.parametrize(("features", "learned"), [(1, True), (1, False), (3, False)])
@pytest.mark.parametrize(
    ("name", "dtype"), [(name, (torch.float32, torch.float64)[i % 2]) for i, name in enumerate(KINDS)], ids=str
)
def test_it_is_the_reference(
    name: str, dtype: torch.dtype, features: int, learned: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")
    found = results(name, features, dtype, learned=learned)
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    wanted = results(name, features, dtype, learned=learned)
    assert found.keys() == wanted.keys()
    for what, value in found.items():
        scale = float(wanted[what].abs().max()) or 1.0
        assert float((value - wanted[what]).abs().max()) / scale < tolerance(dtype, T), what


def test_only_few_features_are_cut():
    """And fewer where their gradient is wanted."""
    layer = Recurrent("gru", 1, H)
    kernel = kernel_for(layer.graph, "llvm")
    assert isinstance(kernel, CompiledKernel)

    def is_cut(features: int, *, learned: bool) -> bool:
        x = torch.zeros(T, B, features, requires_grad=learned)
        return kernel._feature_by_feature({"x": x}) is not None

    assert [is_cut(n, learned=False) for n in (1, 4, 5)] == [True, True, False]
    assert [is_cut(n, learned=True) for n in (1, 2, 4)] == [True, False, False]
