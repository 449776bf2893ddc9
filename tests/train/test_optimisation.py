"""Every optimiser and schedule of torch runs by name, is saved and comes back; nonsense is named."""

import inspect
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler

from tests.train import samples
from unspool.errors import SettingError
from unspool.train import TrainSettings, fit
from unspool.train.optimisation import make_optimizer, make_schedule, read_options
from unspool.train.packing import pack, unpack

OPTIMIZERS = [
    name
    for name, cls in vars(torch.optim).items()
    if inspect.isclass(cls) and issubclass(cls, Optimizer) and cls is not Optimizer
]
ODD = {"LBFGS", "SparseAdam", "Muon"}
"""One needs a closure, one sparse gradients, one matrices alone."""

SCHEDULES: dict[str, tuple[str, ...]] = {
    "cosine": (),
    "constant": (),
    "StepLR": ("step_size=3", "gamma=0.5"),
    "MultiStepLR": ("milestones=[2, 5]",),
    "ConstantLR": (),
    "LinearLR": (),
    "ExponentialLR": ("gamma=0.9",),
    "PolynomialLR": ("total_iters=6",),
    "CosineAnnealingLR": ("T_max=6",),
    "CosineAnnealingWarmRestarts": ("T_0=3",),
    "CyclicLR": ("base_lr=0.01", "max_lr=0.1", "step_size_up=2", "cycle_momentum=false"),
    "OneCycleLR": ("max_lr=0.1", "total_steps=13"),
    "ReduceLROnPlateau": ("patience=0",),
}


def settings_of(**changes: Any) -> TrainSettings:
    return TrainSettings(**{"steps": 12, "validations": 4, "patience": 99, **changes})


def test_torch_has_no_schedule_that_is_not_tried_here():
    made_of_others = {"LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler"}
    known = {
        name
        for name, cls in vars(lr_scheduler).items()
        if inspect.isclass(cls) and issubclass(cls, lr_scheduler.LRScheduler) and not name.startswith("_")
    }
    assert known - made_of_others - {"LRScheduler"} == SCHEDULES.keys() - {"cosine", "constant"}


def resumed_at_half(settings: TrainSettings) -> None:
    """Six steps, packed and unpacked, and six more are twelve."""

    def steps(module: nn.Module, optimizer: Optimizer, schedule: Any, numbers: range) -> None:
        for k in numbers:
            optimizer.zero_grad()
            (module(torch.ones(2, 3)) - k).square().mean().backward()
            optimizer.step()
            schedule.step(*([float(k % 3)] if settings.schedule == "ReduceLROnPlateau" else []))

    def made() -> tuple[nn.Module, Optimizer, Any]:
        torch.manual_seed(0)
        module = nn.Linear(3, 2)
        optimizer = make_optimizer(module.parameters(), settings)
        return module, optimizer, make_schedule(optimizer, settings)

    whole = made()
    steps(*whole, range(12))
    half = made()
    steps(*half, range(6))
    state = unpack(pack([dict(part.state_dict()) for part in half]))
    again = made()
    for part, given in zip(again, state, strict=True):
        part.load_state_dict(given)
    steps(*again, range(6, 12))
    assert torch.equal(whole[0].weight, again[0].weight)  # pyright: ignore[reportArgumentType]
    assert whole[1].param_groups[0]["lr"] == again[1].param_groups[0]["lr"]


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in ODD])
def test_every_optimizer_runs_and_is_saved(name: str):
    resumed_at_half(settings_of(optimizer=name))


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_runs_and_is_saved(name: str):
    options = ("momentum=0.9",) if name in ("OneCycleLR", "CyclicLR") else ()
    chosen = settings_of(schedule=name, schedule_options=SCHEDULES[name], optimizer="SGD", optimizer_options=options)
    resumed_at_half(chosen)


def test_a_fit_takes_them():
    class Rates(samples.Moment):
        def on_update(self, update: Any) -> None:
            rates.append(update.learning_rate)

    def run(**options: Any) -> list[float]:
        rates.clear()
        module = samples.network()
        fit(module, samples.drawn(), samples.plain_loss, samples.judge, callbacks=[Rates(0)], **options)
        return list(rates)

    rates: list[float] = []
    sgd = settings_of(
        optimizer="SGD", learning_rate=0.1, schedule="StepLR", schedule_options=("step_size=4", "gamma=0.5")
    )
    assert run(settings=sgd) == pytest.approx([0.1] * 4 + [0.05] * 4 + [0.025] * 4)
    own = run(
        settings=settings_of(),
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.3),
        schedule=lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (step + 1)),
    )
    assert own == pytest.approx([0.3 / k for k in range(1, 13)])
    plateau = settings_of(schedule="ReduceLROnPlateau", schedule_options=("patience=0", "threshold=1e9"), steps=8)
    assert run(settings=plateau)[0] == 0.01
    assert run(settings=plateau)[-1] < 0.01


def test_options_are_read():
    read = read_options("optimizer", ["momentum=0.9", "nesterov=true", "betas=[0.8, 0.9]", "mode=max"])
    assert read == {"momentum": 0.9, "nesterov": True, "betas": (0.8, 0.9), "mode": "max"}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"optimizer": "adamw"}, "unknown optimizer 'adamw'.*did you mean 'AdamW'"),
    ({"optimizer": "Optimizer"}, "unknown optimizer 'Optimizer'"),
    ({"optimizer": "LBFGS"}, "LBFGS evaluates the loss many times"),
    ({"optimizer": "Muon"}, "the optimizer Muon cannot be made"),
    ({"optimizer": "SGD", "optimizer_options": ("momentun=0.9",)}, "SGD cannot be made: .*momentun.*momentum"),
    ({"optimizer_options": ("momentum",)}, "'momentum' is not of the form name=value"),
    ({"schedule": "cosin"}, "unknown schedule 'cosin'.*did you mean 'cosine'"),
    ({"schedule": "StepLR"}, "the schedule StepLR cannot be made: .*step_size"),
    ({"schedule": "cosine", "schedule_options": ("a=1",)}, "'cosine' takes no options; given: a"),
    ({"learning_rate": 0.0}, "learning_rate is 0.0"),
    ({"learning_rate": float("nan")}, "learning_rate is nan"),
    ({"steps": 0}, "steps is 0"),
    ({"validations": 0}, "validations is 0"),
    ({"accumulate": 0}, "accumulate is 0"),
    ({"clip_quantile": 1.0}, "clip_quantile is 1.0"),
    ({"averaging": "mean"}, "averaging is 'mean'"),
    ({"ema_decay": 1.0}, "ema_decay is 1.0"),
    ({"swa_start": 1.0}, "swa_start is 1.0"),
    ({"retries": -1}, "retries is -1"),
    ({"retry_rate": 0.0}, "retry_rate is 0.0"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[m for _, m in BAD])
def test_nonsense_is_named(changes: dict[str, Any], message: str):
    with pytest.raises(SettingError, match=f"(?s){message}"):
        fit(nn.Linear(1, 1), iter([]), lambda m, b: m(b), lambda m: 0.0, settings_of(**changes))
