"""A step that is not finite: what is said about it, and what is done."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.train.test_checkpoint import Notes
from unspool.nn import Recurrent
from unspool.train import Carried, Fitted, Stream, TrainSettings, fit

X = torch.linspace(-1, 1, 16)[:, None]


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.root, self.last = nn.Linear(1, 3), Root(), nn.Linear(3, 1)
        self.shift = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.root(self.first(x)) + self.shift)


class Root(nn.Module):
    """Fine until it is told otherwise."""

    broken = False

    def forward(self, x: Tensor) -> Tensor:
        return (x - 100).sqrt() if self.broken else x


def counted() -> Iterator[tuple[int, Tensor]]:
    step = 0
    while True:
        step += 1
        yield step, X


def squared(module: nn.Module, batch: tuple[int, Tensor]) -> Tensor:
    return (module(batch[1]) - 3 * batch[1]).square().mean()


def run(
    loss: Callable[[nn.Module, Any], Tensor] = squared,
    batches: Iterator[Any] | None = None,
    module: nn.Module | None = None,
    **settings: Any,
) -> tuple[Fitted, nn.Module]:
    torch.manual_seed(0)
    module = module or Deep()
    chosen = TrainSettings(**{"steps": 20, "validations": 5, "patience": 99, "learning_rate": 0.05, **settings})
    fitted = fit(module, batches or counted(), loss, lambda m: float(squared(m, (0, X))), chosen, callbacks=[Notes()])
    return fitted, module


def at(step: int, then: Callable[[nn.Module], object]) -> Callable[[nn.Module, Any], Tensor]:
    """Something happens to the module before this step."""

    def loss(module: nn.Module, batch: tuple[int, Tensor]) -> Tensor:
        if batch[0] == step:
            then(module)
        return squared(module, batch)

    return loss


def break_root(module: Any) -> None:
    module.root.broken = True


def mend_root(module: Any) -> None:
    module.root.broken = False


def break_shift(module: Any) -> None:
    module.shift = math.inf


def spoil_weight(module: Any) -> None:
    with torch.no_grad():
        module.first.bias[1] = math.nan


def grow_weight(module: Any) -> None:
    with torch.no_grad():
        module.first.weight.fill_(3e38)


def nan_batch() -> Iterator[tuple[int, Tensor]]:
    for step, x in counted():
        yield step, x.clone().fill_(math.nan) if step == 6 else x


def log_of_it(module: nn.Module, batch: tuple[int, Tensor]) -> Tensor:
    return squared(module, batch) + (module(batch[1]).sum() * 0 - int(batch[0] == 6)).log1p()


def root_of_zero(module: nn.Module, batch: tuple[int, Tensor]) -> Tensor:
    return squared(module, batch) + (module(batch[1]) * (batch[0] != 6)).abs().sum().sqrt() * 0.1


CASES: list[tuple[dict[str, Any], str]] = [
    ({"loss": at(6, break_root)}, r"step 6: the loss is nan: first in the output of layer 'root' \(Root\); it overfl"),
    ({"loss": at(6, break_shift)}, r"step 6: the loss is \w+: first in what goes into layer 'last' \(Linear\)"),
    ({"loss": at(6, spoil_weight)}, r"step 6: the loss is nan: the weight 'first.bias' is not finite any more; the up"),
    ({"loss": at(6, grow_weight)}, r"step 6: the loss is inf: .*loss function; weights have grown to 3.0e\+38: l"),
    ({"batches": nan_batch()}, "step 6: the loss is nan: the batch itself holds NaN or infinity; look at the data"),
    (
        {"loss": log_of_it},
        "step 6: the loss is -inf: every layer's output is finite, so it arises in the loss function",
    ),
    ({"loss": root_of_zero}, r"step 6: the gradient is not finite: first in that of 'first.weight'; gradients explode"),
]


@pytest.mark.parametrize(("case", "message"), CASES, ids=[m for _, m in CASES])
def test_the_step_the_layer_and_the_cause_are_named(case: dict[str, Any], message: str):
    fitted, _ = run(**case)
    assert fitted.stopped == "no finite loss"
    (note,) = fitted.notes
    assert re.match(message, note), note
    assert note.endswith("; training ends with the best weights so far")


def test_large_inputs_are_named():
    batches = ((step, x * 1e30 if step == 6 else x) for step, x in counted())
    fitted, _ = run(batches=batches)
    assert "in the loss function; the batch holds values of up to 1.0e+30: scale the data" in fitted.notes[0]


def test_the_layer_is_found_with_the_states_that_it_began_with():
    """The states after the broken chunk are not finite; the chunk is looked at with those before it."""
    layer = Recurrent("gru", 1, 3)

    def step(module: nn.Module, batch: Any, states: Any) -> tuple[Tensor, Any]:
        output, _ = module(batch.x, None)
        assert states is None or torch.isfinite(states)
        count = torch.zeros(()) if states is None else states + 1
        return output.sum() + (2 - count).log(), count - 1 / (2 - count) + 1 / (2 - count)

    torch.manual_seed(0)
    stream = Stream(X[None], 3)
    fitted = fit(layer, stream, Carried(step), lambda m: 0.0, TrainSettings(steps=20, patience=99))
    assert "arises in the loss function" in fitted.notes[0]


def test_it_goes_back_and_on_with_a_smaller_rate():
    """The loss breaks while the rate is high; two retries bring it to a quarter."""
    rates: list[float] = []

    class Rates(Notes):
        def on_update(self, update: Any) -> None:
            rates.append(update.learning_rate)

    def steep(module: Any, batch: tuple[int, Tensor]) -> Tensor:
        loss = squared(module, batch)
        return loss * (math.nan if watch.step > 6 and len(watch.notes) < 2 else 1)

    class Count(Rates):
        def on_update(self, update: Any) -> None:
            super().on_update(update)
            self.step = update.step + 1

    watch = Count()
    torch.manual_seed(0)
    settings = TrainSettings(
        steps=20, validations=5, patience=99, learning_rate=0.05, schedule="constant", retries=3, retry_rate=0.5
    )
    fitted = fit(Deep(), counted(), steep, lambda m: float(squared(m, (0, X))), settings, callbacks=[watch])
    assert fitted.stopped == "finished"
    assert rates[:6] == [0.05] * 6
    assert rates[-16:] == [0.0125] * 16  # from step 4, the last good state, to step 20
    assert watch.resumed == [4, 4]
    assert watch.notes[0].endswith("back to step 4, on with 0.5 times the learning rate (retry 1 of 3)")
    assert watch.notes[1].endswith("back to step 4, on with 0.25 times the learning rate (retry 2 of 3)")
    assert fitted.notes == tuple(watch.notes)
    assert [e.number for e in fitted.epochs] == [1, 2, 3, 4, 5]


def test_after_the_retries_it_ends_with_the_best_weights():
    fitted, module = run(loss=at(10, break_root), retries=2)
    assert (fitted.stopped, len(fitted.notes)) == ("no finite loss", 3)
    assert fitted.notes[-1].endswith("training ends after 2 retries with the best weights so far")
    mend_root(module)
    assert float(squared(module, (0, X)).detach()) == pytest.approx(fitted.best_loss)


def test_nothing_is_retried_on_data_that_are_not_finite():
    fitted, _ = run(batches=nan_batch(), retries=5)
    assert len(fitted.notes) == 1
    assert fitted.stopped == "no finite loss"


def test_going_back_is_exact():
    """With the same rate, a stream and a fault that passes, the run ends as if nothing had been."""

    def ended(fault: bool) -> dict[str, Tensor]:
        torch.manual_seed(0)
        layer = nn.ModuleDict({"r": Recurrent("gru", 1, 4), "d": nn.Dropout(0.5)})

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = layer

            def forward(self, x: Tensor, states: Any) -> tuple[Tensor, Any]:
                output, states = self.inner["r"](x, states)
                return self.inner["d"](output).sum(-1, keepdim=True), states

        watch = Notes()

        def step(module: nn.Module, batch: Any, states: Any) -> tuple[Tensor, Any]:
            prediction, states = module(batch.x, states)
            bad = fault and not watch.notes and calls[0] == 7
            calls[0] += 1
            return (prediction - batch.y).square().mean() * (math.nan if bad else 1), states

        calls, net = [0], Net()
        settings = TrainSettings(steps=12, validations=4, patience=99, retries=1, retry_rate=1.0, averaging="ema")
        stream = Stream(torch.linspace(-1, 1, 60).sin().view(2, 30, 1), 4)
        fitted = fit(
            net, stream, Carried(step), lambda m: float(next(m.parameters()).sum()), settings, callbacks=[watch]
        )
        assert bool(watch.notes) == fault
        assert fitted.stopped == "finished"
        return net.state_dict()

    for a, b in zip(ended(True).values(), ended(False).values(), strict=True):
        assert torch.equal(a, b)
