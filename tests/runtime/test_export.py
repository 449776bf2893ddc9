"""In a program of torch.export there is nothing of ours: torch operations alone, the steps as one of them."""

import pytest
import torch
from torch import Tensor, nn

from unspool.nn import Recurrent

# torch warns of what it itself still uses.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is deprecated:DeprecationWarning", "ignore:.*is deprecated:FutureWarning"
)


class Run(nn.Module):
    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        output, state = self.layer(x)
        return output, state[0]


def exported(module: nn.Module, steps: int) -> torch.export.ExportedProgram:
    batch = {0: torch.export.Dim("batch")}
    with torch.no_grad():
        return torch.export.export(module.eval(), (torch.ones(3, steps, 2),), dynamic_shapes=(batch,), strict=False)


@pytest.mark.parametrize("cell", ["cfc", "lru"])
def test_it_is_the_layer(cell: str):
    torch.manual_seed(0)
    sizes = {"P": 6} if cell == "cfc" else None
    module = Run(Recurrent(cell, 2, 4, num_layers=2, sizes=sizes))
    program = exported(module, 9)
    assert not [n for n in program.graph.nodes if "unspool" in str(n.target)]
    assert sum(n.op == "call_function" and "scan" in str(n.target) for n in program.graph.nodes) == 2
    for size in (1, 5):
        x = torch.randn(size, 9, 2)
        for ours, found in zip(module(x), program.module()(x), strict=True):
            assert found.shape == ours.shape
            torch.testing.assert_close(found, ours, rtol=1e-5, atol=1e-6)


def test_its_size_does_not_grow_with_the_steps():
    module = Run(Recurrent("elman", 2, 4))
    assert len(exported(module, 5).graph.nodes) == len(exported(module, 50).graph.nodes)
    assert torch.compiler.is_exporting() is False


def test_matrices_are_kept_as_they_were():
    layer = Recurrent("exprnn", 2, 4)
    x = torch.randn(3, 5, 2)
    before = layer(x)[0]
    layer.keep_matrices()
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.shape == (4, 4):
                parameter.mul_(2)
    assert torch.equal(layer(x)[0], before)
    layer._made.clear()
    assert not torch.allclose(layer(x)[0], before)
