"""Backpropagation through time, written out, against autograd."""

import math

import pytest
import torch
from torch import Tensor, nn

from unspool.dynamics.gradients.backpropagation import backpropagation_terms, loss_gradients
from unspool.dynamics.gradients.watched import watch
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import GRU, LSTM, RNN, Recurrent

B, T, I, H = 3, 7, 2, 4  # noqa: E741 - the axes' letters


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def layer_of(cell: str, layers: int = 1) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, I, H, layers, dtype=torch.float64)


def squares(output: Tensor) -> Tensor:
    return output.square().sum()


@pytest.mark.parametrize(("cell", "layers"), [("elman_relu", 1), ("gru", 2), ("lstm", 2), ("lem", 1), ("indrnn", 1)])
def test_the_terms_add_up_to_autograds_gradient(cell: str, layers: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")  # nothing to compile
    layer, x = layer_of(cell, layers), some(B, T, I)
    found = backpropagation_terms(layer, x, squares)
    assert all(p.grad is None for p in layer.parameters())
    squares(layer(x)[0][:, -1]).backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None
        assert found.terms[name].shape == (T, *parameter.shape)
        assert torch.allclose(found.gradients[name], parameter.grad, rtol=1e-10, atol=1e-12)


def test_a_term_is_the_chain_from_the_last_step_to_its_own():
    """Of a scalar linear network h' = r h + w x: ∂h_T/∂r = Σ_L r^L h_{T−L−1}, ∂h_T/∂w = Σ_L r^L x_{T−L}."""
    layer = Recurrent("elman_linear", 1, 1, bias=False, dtype=torch.float64)
    r, w, x = 0.8, 1.5, some(1, T, 1)
    with torch.no_grad():
        layer.get_parameter("R_l0").fill_(r)
        layer.get_parameter("W_l0").fill_(w)
        h = [0.0, *layer(x)[0].flatten().tolist()]
    found = backpropagation_terms(layer, x, lambda output: output.sum())
    assert found.terms["R_l0"].flatten().tolist() == pytest.approx([r**k * h[T - k - 1] for k in range(T)])
    assert found.terms["W_l0"].flatten().tolist() == pytest.approx([r**k * float(x[0, T - k - 1]) for k in range(T)])
    both = torch.stack([found.terms[n].flatten() for n in ("R_l0", "W_l0")])
    assert torch.allclose(found.norms, both.norm(dim=0))


def test_an_initial_state_is_where_the_sum_starts():
    layer, x, first = layer_of("lstm"), some(B, T, I), some(B, 2 * H)
    found = backpropagation_terms(layer, x, squares, initial_state=first)
    h, c = first[None].split(H, -1)
    squares(layer(x, (h.contiguous(), c.contiguous()))[0][:, -1]).backward()
    assert torch.allclose(found.gradients["R_l0"], gradient_of(layer.get_parameter("R_l0")), rtol=1e-10)


def gradient_of(value: Tensor) -> Tensor:
    return torch.zeros_like(value) if value.grad is None else value.grad


def test_a_learned_initial_state_is_where_a_run_begins_and_has_its_gradient():
    torch.manual_seed(0)
    layer, x = Recurrent("lstm", I, H, 2, learn_initial_state=True, dtype=torch.float64), some(B, T, I)
    for name in ("initial_h", "initial_c"):
        nn.init.normal_(layer.get_parameter(name))
    squares(layer(x)[0]).backward()
    expected = [gradient_of(p).clone() for p in layer.parameters()]
    layer.zero_grad()
    squares(watch(layer, x).output).backward()
    assert all(torch.allclose(gradient_of(p), e) for p, e in zip(layer.parameters(), expected, strict=True))


class Unrolled(nn.Module):
    """An LSTM step by step in torch, which keeps the gradient of every state."""

    def __init__(self, layer: nn.LSTM) -> None:
        super().__init__()
        self.layer = layer
        self.states: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor) -> Tensor:
        state = tuple(x.new_zeros(1, len(x), self.layer.hidden_size) for _ in range(2))
        for t in range(x.shape[1]):
            _, state = self.layer(x[:, t : t + 1], state)
            for part in state:
                part.retain_grad()
            self.states.append(state)
        return torch.stack([h[0] for h, _ in self.states], 1)


@pytest.mark.parametrize("every", [False, True])
def test_the_errors_are_autograds_at_every_state_of_every_step(every: bool):
    torch.manual_seed(0)
    rival = nn.LSTM(I, H, batch_first=True, dtype=torch.float64)
    layer = LSTM(I, H, dtype=torch.float64)
    layer.load_state_dict(rival.state_dict())
    x = some(B, T, I)

    def loss(output: Tensor) -> Tensor:
        return squares(output if every else output[:, -1])

    unrolled = Unrolled(rival)
    loss(unrolled(x)).backward()
    expected = torch.stack([torch.cat([gradient_of(h), gradient_of(c)], -1)[0] for h, c in unrolled.states], 1)
    run = watch(layer, x)
    loss(run.output).backward()
    assert torch.allclose(run.errors, expected, rtol=1e-10, atol=1e-14)
    assert torch.allclose(run.states[:, 1:, :H], run.output[:, :-1].detach())
    for name, parameter in rival.named_parameters():
        assert torch.allclose(gradient_of(layer.get_parameter(name)), gradient_of(parameter), rtol=1e-10, atol=1e-14)
    found = loss_gradients(layer, x, loss)
    norms = expected.norm(dim=-1).flip(1).log()
    assert torch.allclose(found.log_norms[0], norms.min(0).values)
    assert torch.allclose(found.log_norms[2], norms.max(0).values)


def test_what_no_loss_reads_gets_no_error():
    layer, x = layer_of("gru"), some(B, T, I)
    found = loss_gradients(layer, x, lambda output: squares(output[:, 2]))
    assert found.lags.tolist() == list(range(T))
    assert found.log_norms[:, : T - 3].eq(-math.inf).all()
    assert found.log_norms[:, T - 3 :].isfinite().all()
    assert all(p.grad is None for p in layer.parameters())


def test_a_stack_has_the_errors_of_each_layer():
    layer, x = layer_of("elman", 2), some(B, T, I)
    run = watch(layer, x)
    squares(run.output[:, -1]).backward()
    assert run.errors.shape == (B, T, 2 * H)
    assert torch.allclose(run.output, layer(x)[0])
    W, h = layer.get_parameter("W_l1"), run.output[:, -1]
    expected = (2 * h * (1 - h.square())) @ W  # of the lower layer's last state, which the upper one reads in that step
    assert torch.allclose(run.errors[:, -1, :H], expected)


def test_bad_input_is_named():
    run = watch(layer_of("gru"), some(B, T, I))
    with pytest.raises(DataError, match="not known yet"):
        _ = run.errors
    with pytest.raises(SettingError, match="bidirectional"):
        watch(RNN(I, H, bidirectional=True), torch.zeros(B, T, I))
    with pytest.raises(ShapeError, match="x has 5 features"):
        watch(GRU(I, H), torch.zeros(B, T, 5))
    with pytest.raises(ShapeError, match=r"initial_state is .*\[3, 4\]; expected .*\[B=3, S=8\]"):
        watch(LSTM(I, H), torch.zeros(B, T, I), torch.zeros(B, H))
    with pytest.raises(DataError, match="NaN"):
        loss_gradients(GRU(I, H), torch.full((B, T, I), torch.nan), squares)
