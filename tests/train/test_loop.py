"""The training loop: the best weights stay, and whatever ends it leaves something usable."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.forecast.samples import CtrlC, Watch
from unspool.train import Fitted, TrainSettings, fit

SETTINGS = TrainSettings(steps=40, learning_rate=0.1, weight_decay=0.0, validations=10, patience=4)
DATA = torch.linspace(-1, 1, 16)[:, None]


def counted() -> Iterator[int]:
    step = 0
    while True:
        step += 1
        yield step


def squared(module: nn.Module, batch: Any) -> Tensor:
    """A line to be fitted; the batch is only counted."""
    del batch
    return (module(DATA) - 3 * DATA - 1).square().mean()


def line() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(1, 1)


def run(
    module: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor] = squared,
    validate: Callable[[nn.Module], float] | None = None,
    settings: TrainSettings = SETTINGS,
    watch: Watch | None = None,
) -> Fitted:
    judge = validate or (lambda m: float(squared(m, None)))
    return fit(module, counted(), loss, judge, settings, callbacks=[watch or Watch()])


class Scripted:
    """Validation losses from a list; keeps the weights that it saw."""

    def __init__(self, *losses: float) -> None:
        self.losses, self.seen = losses, []

    def __call__(self, module: nn.Module) -> float:
        assert not module.training
        assert not torch.is_grad_enabled()
        self.seen.append([p.clone() for p in module.parameters()])
        return self.losses[len(self.seen) - 1]


def same(module: nn.Module, weights: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(module.parameters(), weights, strict=True))


def test_it_learns():
    module = line()
    fitted = run(module, settings=TrainSettings(steps=300, learning_rate=0.1, weight_decay=0.0))
    assert fitted.stopped == "finished"
    assert fitted.best_loss < 1e-3
    assert module.weight.item() == pytest.approx(3, abs=0.1)
    assert not module.training


def test_the_best_weights_are_kept_not_the_last():
    module, script = line(), Scripted(5, 4, 1, 3, 2, 6, 2, 9, 9, 9)
    fitted = run(module, validate=script, settings=TrainSettings(steps=40, patience=99))
    assert (fitted.best, fitted.best_loss, fitted.stopped) == (3, 1, "finished")
    assert same(module, script.seen[2])
    assert not same(module, script.seen[-1])
    assert [epoch.number for epoch in fitted.epochs] == list(range(1, 11))


def test_early_stopping_after_patience():
    module, script = line(), Scripted(5, 4, 6, 6, 6, 6, 6, 6, 6, 6)
    fitted = run(module, validate=script)
    assert (fitted.best, len(fitted.epochs), fitted.stopped) == (2, 6, "early stopping")
    assert same(module, script.seen[1])


def _until(step: int, then: float) -> Callable[[nn.Module, Any], Tensor]:
    return lambda module, batch: squared(module, batch) * (then if batch > step else 1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_with_the_best_weights(bad: float):
    module, script = line(), Scripted(5, 4, 6, 6)
    fitted = run(module, loss=_until(14, bad), validate=script)
    assert (fitted.best, len(fitted.epochs), fitted.stopped) == (2, 3, "no finite loss")
    assert same(module, script.seen[1])


def test_without_any_finite_loss_the_weights_are_those_it_began_with():
    module = line()
    before = [p.clone() for p in module.parameters()]
    fitted = run(module, loss=_until(0, math.nan))
    assert (fitted.best, fitted.epochs, fitted.stopped) == (0, (), "no finite loss")
    assert fitted.best_loss == math.inf
    assert same(module, before)


def test_a_validation_loss_that_is_not_a_number_is_never_the_best():
    module, script = line(), Scripted(math.nan, 5, math.nan, 4, math.nan, 6, 6, 6, 6, 6)
    fitted = run(module, validate=script)
    assert fitted.best == 4
    assert same(module, script.seen[3])
    assert run(line(), validate=Scripted(*[math.nan] * 10)).best == 0


@pytest.mark.parametrize("step", [1, 3, 4, 5, 40])
def test_ctrl_c_keeps_the_best_so_far(step: int):
    module, watch = line(), CtrlC("training", step)
    fitted = run(module, watch=watch)
    assert fitted.stopped == "interrupted"
    assert fitted.best == max(1, (step - 1) // 4)
    assert math.isfinite(fitted.best_loss)
    assert squared(module, None).item() == pytest.approx(fitted.best_loss)
    assert watch.said[-1] == ("end", fitted)


def test_ctrl_c_in_the_first_step_leaves_the_first_weights():
    def interrupted(module: nn.Module, batch: Any) -> Tensor:
        raise KeyboardInterrupt

    module = line()
    before = [p.clone() for p in module.parameters()]
    fitted = run(module, loss=interrupted)
    assert (fitted.best, fitted.stopped) == (0, "interrupted")
    assert same(module, before)


def test_callbacks_are_told_everything_in_order():
    watch = Watch()
    fitted = run(line(), watch=watch)
    kinds = [kind for kind, _ in watch.said]
    assert kinds == ["start", *((["step"] * 4 + ["epoch"]) * 10), "end"]
    assert watch.said[0][1] == ("training", 40)
    assert [what[0] for kind, what in watch.said if kind == "step"] == list(range(1, 41))
    assert tuple(what for kind, what in watch.said if kind == "epoch") == fitted.epochs
    for epoch in range(10):
        losses = [what[1] for kind, what in watch.said if kind == "step"][4 * epoch : 4 * epoch + 4]
        assert fitted.epochs[epoch].train_loss == pytest.approx(sum(losses) / 4)


def test_gradients_are_clipped():
    def moved(clip: float) -> float:
        module = line()
        before = module.weight.item()
        steps = TrainSettings(steps=1, learning_rate=1e-3, weight_decay=0.0, clip=clip, validations=1)
        fitted = fit(module, counted(), lambda m, b: 1e9 * squared(m, b), lambda _: 0.0, steps)
        assert fitted.epochs[0].gradient_norm > 1e6
        return abs(module.weight.item() - before)

    # Adam forgets the size of a gradient, but not of one that has been clipped away.
    assert moved(1e-12) < 0.01 * moved(1.0)


@pytest.mark.parametrize("steps", [1, 2, 7, 10, 13])
def test_the_last_step_is_always_validated(steps: int):
    watch = Watch()
    run(line(), settings=TrainSettings(steps=steps, patience=99), watch=watch)
    assert [kind for kind, _ in watch.said][-2:] == ["epoch", "end"]
    assert sum(kind == "step" for kind, _ in watch.said) == steps
