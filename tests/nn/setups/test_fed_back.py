"""The compiled fed-back loop is the loop written out, whatever is fed; and a draw is a draw."""

import re
from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from tests.nn.setups.loops import step_by_step
from unspool.errors import CellError, SettingError, ShapeError
from unspool.lang import Input, Matrix, State, cell, tanh
from unspool.nn import Recurrent
from unspool.nn.setups import FedBack, FedState, drawn, fed_back
from unspool.passes import Activation
from unspool.runtime import unroll

B, T, O, F64 = 3, 6, 2, torch.float64  # noqa: E741 - the axes' letters
SIZES = {"lstm_projection": {"P": 4}, "slstm": {"N": 1}}


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may fall back to the reference unnoticed."""
    monkeypatch.setenv("UNSPOOL_BACKEND", "llvm")


def model(cell_name: str, features: int, activation: Activation, layers: int = 1, **more: Any) -> FedBack:
    torch.manual_seed(0)
    recurrent = Recurrent(
        cell_name, features + O, 5, layers, dtype=F64, sizes=SIZES.get(cell_name), learn_initial_state=True, **more
    )
    for parameter in recurrent.parameters():  # whatever a page starts with: the bounds below are for numbers near 1
        torch.nn.init.uniform_(parameter, -0.4, 0.4)
    return FedBack(recurrent, O, activation).double()


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(3))


def compare(fed: FedBack, alpha: float | Tensor, features: int) -> None:
    x = some(B, T, features).requires_grad_() if features else None
    targets = None if isinstance(alpha, float) and alpha == 0 else some(B, T, O)
    state: FedState = (fed.rest(B)[0], some(B, O))
    found, after = fed(x, targets, alpha=alpha, steps=T, start=state[1])
    expected, expected_after = step_by_step(fed, x, targets, alpha, state, T)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for one, other in zip((*after[0], after[1]), (*expected_after[0], expected_after[1]), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    wanted = [*fed.parameters(), *([] if x is None else [x])]
    weights = some(*found.shape)
    ours, theirs = (torch.autograd.grad((weights * y).sum(), wanted) for y in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, "drawn"])
@pytest.mark.parametrize("features", [0, 3])
@pytest.mark.parametrize("cell_name", ["elman", "gru", "lstm", "lem", "lstm_layernorm", "lstm_projection", "slstm"])
def test_compiled_is_the_loop(cell_name: str, features: int, alpha: float | str):
    share = drawn(0.5, B, T, torch.Generator().manual_seed(1)).double() if isinstance(alpha, str) else alpha
    compare(model(cell_name, features, "identity"), share, features)


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh", "softmax"])
@pytest.mark.parametrize("residual", [False, True])
def test_layers_and_activations(activation: Activation, residual: bool):
    compare(model("gru", 3, activation, 3, residual=residual), 0.4, 3)


def test_a_free_run_is_one_loop(monkeypatch: pytest.MonkeyPatch):
    fed, calls = model("lstm", 0, "identity", 2), []

    def counted(*arguments: Any, **options: Any):
        calls.append(arguments[0])
        return unroll(*arguments, **options)

    monkeypatch.setattr(fed_back, "unroll", counted)
    monkeypatch.setattr(fed.recurrent, "forward", None)  # no step of it is taken apart
    fed(steps=50)
    assert len(calls) == 1


def test_a_run_goes_on_where_it_ended():
    fed, x = model("lstm", 2, "tanh", 2), some(B, T, 2)
    whole, end = fed(x, steps=T, start=some(B, O))
    first, middle = fed(x[:, :2], start=some(B, O))
    second, last = fed(x[:, 2:], initial_state=middle)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=1e-13)
    torch.testing.assert_close(last[1], end[1], rtol=0, atol=1e-13)


def test_the_future_of_the_truth_is_not_seen():
    fed, targets = model("gru", 0, "identity"), some(B, T, O)
    changed = targets.clone()
    changed[:, 3:] += 1
    for alpha in (0.5, 1.0):
        one, other = (fed(None, t, alpha=alpha)[0] for t in (targets, changed))
        torch.testing.assert_close(one[:, :4], other[:, :4], rtol=0, atol=0)
        assert not torch.equal(one[:, 4:], other[:, 4:])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_have_the_probabilities_of_the_softmax(temperature: float):
    torch.manual_seed(0)
    fed, count = FedBack(Recurrent("gru", 7, 8), 7, "sample"), 40_000
    with torch.no_grad():
        fed.readout.weight.mul_(3)
    classes, (_, y) = fed.sample(1, fed.rest(count), temperature=temperature)
    logits = fed(steps=1)[0].detach()[0, 0].double()
    expected = (logits / temperature).softmax(-1) * count
    found = torch.bincount(classes[:, 0], minlength=7)
    assert chisquare(found.numpy(), (expected / expected.sum() * count).numpy()).pvalue > 1e-3
    assert torch.equal(y.argmax(-1), classes[:, 0])
    assert torch.equal(y.sort(-1).values[:, -2:], torch.tensor([0.0, 1.0]).expand(count, 2))


def test_what_is_drawn_is_what_the_next_step_reads():
    torch.manual_seed(0)
    fed = FedBack(Recurrent("lstm", 5, 8, 2), 5, "sample")
    with torch.no_grad():
        fed.readout.weight.mul_(20)
    classes, _ = fed.sample(50, fed.rest(4), generator=torch.Generator().manual_seed(1))
    again, _ = fed.sample(50, fed.rest(4), generator=torch.Generator().manual_seed(1))
    assert torch.equal(classes, again)
    # Nearly at temperature 0 the most likely class is drawn, given what was drawn before.
    greedy, _ = fed.sample(20, fed.rest(4), temperature=1e-4)
    truth = torch.nn.functional.one_hot(greedy, 5).float()
    logits, _ = fed(None, truth, alpha=1.0)
    assert torch.equal(logits.argmax(-1), greedy)


def test_a_draw_in_training_passes_no_gradient_through_itself():
    torch.manual_seed(0)
    fed = FedBack(Recurrent("gru", 4, 6), 4, "sample")
    logits, _ = fed(None, torch.eye(4)[torch.randint(4, (2, 5))], alpha=drawn(0.5, 2, 5))
    logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in fed.parameters())


@cell
def of_a_function(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return h + W @ tanh(x)


def test_what_cannot_be_fed_back():
    with pytest.raises(SettingError, match="both directions"):
        FedBack(Recurrent("gru", 2, 3, bidirectional=True), 2)
    with pytest.raises(SettingError, match="reads 2 numbers, 3 outputs"):
        FedBack(Recurrent("gru", 2, 3), 3)
    with pytest.raises(SettingError, match="no activation 'relu'"):
        FedBack(Recurrent("gru", 2, 3), 2, "relu")  # pyright: ignore[reportArgumentType]
    with pytest.raises(CellError, match="another way than W @ x"):
        FedBack(Recurrent(of_a_function, 3, 3), 2)
    compare_without_features = FedBack(Recurrent(of_a_function, 2, 3), 2)  # nothing is cut in two
    assert compare_without_features(steps=2)[0].shape == (1, 2, 2)


def test_what_does_not_fit_is_said():
    fed = model("gru", 2, "identity")
    with pytest.raises(ShapeError, match=re.escape("the network has I=2 features")):
        fed(steps=3)
    with pytest.raises(ShapeError, match=re.escape("expected [B, T, O=2]")):
        fed(some(B, T, 2), some(B, T, 3))
    with pytest.raises(SettingError, match="no targets to mix in"):
        fed(some(B, T, 2), alpha=0.5)
    with pytest.raises(ShapeError, match="steps is None"):
        model("gru", 0, "identity")()
    with pytest.raises(ShapeError, match="expected a number or"):
        fed(some(B, T, 2), some(B, T, O), alpha=torch.zeros(B, T + 1))
    with pytest.raises(SettingError, match="dropout between layers"):
        model("gru", 0, "identity", 2, dropout=0.5)(steps=3)
    with pytest.raises(SettingError, match="temperature 0"):
        FedBack(Recurrent("gru", 2, 3), 2, "sample").sample(3, fed.rest(1), temperature=0.0)
