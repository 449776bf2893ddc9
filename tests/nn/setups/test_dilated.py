"""A dilated stack is what its equation says, read step by step."""

import pytest
import torch
from torch import Tensor

from unspool.errors import SettingError
from unspool.nn import Recurrent
from unspool.nn.setups import Dilated


def naive(stack: Dilated, x: Tensor) -> Tensor:
    """h_k(t) = cell(x_k(t), h_k(t − d_k)) as a loop over t, one step of the cell at a time."""
    for k, (layer, dilation) in enumerate(zip(stack.layers, stack.dilations, strict=True)):
        assert isinstance(layer, Recurrent)
        states = [tuple(s.expand(-1, len(x), -1) for s in layer.rest(x))] * dilation
        told = []
        for t in range(x.shape[1]):
            output, state = layer(x[:, t : t + 1], states[t])  # of step t − d
            told.append(output)
            states.append(state)
        outputs = torch.cat(told, 1)
        x = x + outputs if stack.residual and k else outputs
    return x


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("dilations", "residual"), [((1, 2, 4), True), ((3,), False), ((5, 1), False), ((20, 2), True)]
)
def test_a_layer_reads_its_state_of_so_many_steps_before(cell: str, dilations: tuple[int, ...], residual: bool):
    torch.manual_seed(0)
    stack = Dilated(cell, 3, 4, dilations, residual=residual).double()
    x = torch.randn(2, 11, 3, dtype=torch.float64)
    output = stack(x)
    assert output.shape == (2, 11, stack.output_size)
    assert torch.allclose(output, naive(stack, x), rtol=0, atol=1e-12)


def test_gradients_are_those_of_the_loop():
    torch.manual_seed(0)
    stack = Dilated("gru", 2, 4, (1, 3)).double()
    x = torch.randn(2, 8, 2, dtype=torch.float64)
    found = torch.autograd.grad(stack(x).square().sum(), list(stack.parameters()))
    wanted = torch.autograd.grad(naive(stack, x).square().sum(), list(stack.parameters()))
    for one, two in zip(found, wanted, strict=True):
        assert torch.allclose(one, two, rtol=1e-9, atol=1e-12)


def test_dropout_between_layers_is_of_training_alone():
    torch.manual_seed(0)
    stack, x = Dilated("gru", 2, 8, (1, 2), dropout=0.5), torch.randn(2, 6, 2)
    assert not torch.equal(stack(x), stack(x))
    stack.eval()
    assert torch.equal(stack(x), stack(x))


@pytest.mark.parametrize("dilations", [(), (1, 0)])
def test_no_dilation_is_below_one(dilations: tuple[int, ...]):
    with pytest.raises(SettingError, match="the dilations are"):
        Dilated("gru", 2, 8, dilations)
