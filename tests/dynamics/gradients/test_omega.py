"""Pascanu's Ω against its definition, written out with Jacobians."""

import pytest
import torch
from torch import Tensor

from unspool.cells import find_cell
from unspool.dynamics.gradients.omega import omega
from unspool.dynamics.gradients.watched import watch
from unspool.dynamics.systems.system import as_system
from unspool.errors import DataError
from unspool.nn import RNN, Recurrent

B, T, I, H = 3, 6, 2, 4  # noqa: E741 - the axes' letters


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def layer_of(cell: str) -> Recurrent:
    torch.manual_seed(0)
    sizes = {letter: 2 if letter == "N" else 3 for letter in find_cell(cell).graph.sizes - {"I", "H"}}
    return Recurrent(cell, I, H, dtype=torch.float64, sizes=sizes)


def gradient_of(layer: Recurrent, name: str) -> Tensor:
    gradient = layer.get_parameter(name).grad
    assert gradient is not None
    return gradient.clone()


@pytest.mark.parametrize("cell", ["elman", "elman_relu", "ctrnn", "gru", "lstm_projection", "lem", "slstm"])
def test_it_is_the_mean_squared_deviation_of_the_ratio_from_one(cell: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")  # nothing to compile
    layer, x = layer_of(cell), some(B, T, I)
    run = watch(layer, x)
    run.output.square().sum().backward()
    jacobians = as_system(layer).jacobian(run.states.flatten(0, 1), x.flatten(0, 1)).detach()
    errors = run.errors.flatten(0, 1)
    ratio = (errors[:, None] @ jacobians)[:, 0].norm(dim=1) / errors.norm(dim=1)
    assert float(omega(run).detach()) == pytest.approx(float((ratio - 1).square().mean()), rel=1e-12)


def test_its_gradient_takes_the_immediate_derivative_alone():
    """Of tanh units: Ω's numerator is ‖(e ∘ (1 − h'²)) R‖ with e and h' constant."""
    layer, x = layer_of("elman"), some(B, T, I)
    run = watch(layer, x)
    run.output[:, -1].square().sum().backward()
    layer.zero_grad()
    omega(run).backward()
    R = layer.get_parameter("R_l0").detach().clone().requires_grad_()
    errors = run.errors
    ratio = ((errors * (1 - run.output.detach().square())) @ R).norm(dim=-1) / errors.norm(dim=-1)
    (ratio - 1).square().mean().backward()
    assert R.grad is not None
    assert torch.allclose(gradient_of(layer, "R_l0"), R.grad, rtol=1e-10)
    assert layer.get_parameter("W_l0").grad is None
    assert layer.get_parameter("b_l0").grad is None


def test_of_a_unit_with_its_own_weight_that_weight_has_the_gradient():
    layer, x = layer_of("indrnn"), some(B, T, I)
    run = watch(layer, x)
    run.output[:, -1].sum().backward()
    layer.zero_grad()
    omega(run).backward()
    assert layer.get_parameter("u_l0").grad is not None
    assert layer.get_parameter("W_l0").grad is None


@pytest.mark.parametrize("cell", ["elman", "gru"])
def test_descending_it_keeps_the_errors_norm(cell: str):
    layer, x = layer_of(cell), some(B, T, I)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    values = []
    for _ in range(150):
        run = watch(layer, x)
        run.output[:, -1].square().sum().backward()
        optimizer.zero_grad()
        penalty = omega(run)
        penalty.backward()
        optimizer.step()
        values.append(float(penalty.detach()))
    assert values[-1] < 0.2 * values[0]


def test_its_gradients_add_to_the_losss():
    layer, x = layer_of("gru"), some(B, T, I)
    run = watch(layer, x)
    run.output.sum().backward()
    before = gradient_of(layer, "R_l0")
    (2.0 * omega(run)).backward()
    twice = gradient_of(layer, "R_l0") - before
    layer.zero_grad()
    omega(run).backward()
    assert torch.allclose(twice, 2 * gradient_of(layer, "R_l0"))


def test_errors_of_zero_are_left_out():
    layer, x = layer_of("elman"), some(B, T, I)
    early, whole = watch(layer, x[:, :3]), watch(layer, x)
    for run in (early, whole):
        run.output[:, 2].square().sum().backward()
    assert torch.allclose(omega(early), omega(whole))


def test_without_errors_it_is_nothing():
    layer, x = layer_of("elman"), some(B, T, I)
    run = watch(layer, x)
    (0.0 * run.output.sum()).backward()
    penalty = omega(run)
    penalty.backward()
    assert float(penalty.detach()) == 0
    assert all(p.grad is None or p.grad.eq(0).all() for p in layer.parameters())


def test_errors_too_small_to_be_squared_count():
    layer, x = layer_of("elman").float(), some(B, T, I).float()
    usual, tiny = watch(layer, x), watch(layer, x)
    usual.output[:, -1].square().sum().backward()
    (1e-25 * tiny.output[:, -1].square().sum()).backward()
    assert float(omega(tiny).detach()) == pytest.approx(float(omega(usual).detach()), rel=1e-5)


def test_a_dead_unit_gives_no_nan():
    layer, x = layer_of("elman_relu"), some(B, T, I)
    with torch.no_grad():
        layer.get_parameter("b_l0").fill_(-100)
    run = watch(layer, x)
    run.output[:, -1].sum().backward()
    penalty = omega(run)
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx(1)  # nothing comes back from any step
    assert all(p.grad is None or p.grad.isfinite().all() for p in layer.parameters())


def test_a_stack_adds_its_layers():
    torch.manual_seed(0)
    layer, x = RNN(I, H, 2, dtype=torch.float64), some(B, T, I)
    run = watch(layer, x)
    run.output.square().sum().backward()
    omega(run).backward()
    assert all(layer.get_parameter(f"weight_hh_l{k}").grad is not None for k in (0, 1))


def test_bad_input_is_named():
    layer, x = layer_of("elman"), some(B, T, I)
    with pytest.raises(DataError, match="not known yet"):
        omega(watch(layer, x))
