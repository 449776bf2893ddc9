"""The training loop: steps, validations, early stopping, the best weights kept, and a way on after a crash."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor, nn

from unspool.train.callback import Audience, Callback
from unspool.train.checkpoint import Checkpoint, Keeper
from unspool.train.guard import Guard
from unspool.train.log import Fitted
from unspool.train.optimisation import MakeOptimizer, MakeSchedule, make_optimizer, make_schedule
from unspool.train.processes import make_fabric
from unspool.train.run import Broken, Run
from unspool.train.settings import TrainSettings, check_settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Batch = TypeVar("Batch")


def fit(
    module: nn.Module,
    batches: Iterator[Batch],
    loss: Callable[[nn.Module, Batch], Tensor],
    validate: Callable[[nn.Module], float],
    settings: TrainSettings,
    *,
    title: str = "training",
    callbacks: Sequence[Callback] = (),
    fabric: "Fabric | None" = None,
    checkpoint: Checkpoint | None = None,
    optimizer: MakeOptimizer | None = None,
    schedule: MakeSchedule | None = None,
) -> Fitted:
    """Fit `module` in place and leave the weights with the lowest validation loss in it.

    Args:
        module: what is fitted.
        batches: gives a batch per step, without end; the order is the caller's and with it the seed.
        loss: (module, batch) → scalar to be minimised, a mean over the batch's rows.
        validate: module (in evaluation mode, no gradients, on its device) → validation loss. It runs in every process.
        settings: see `TrainSettings`.
        title: for the callbacks.
        callbacks: watch the fit, in the first process.
        fabric: where to run (device, precision, processes), see `make_fabric`; by default the CPU in full precision,
            and all processes of `torchrun`, each with its share of every batch's rows.
        checkpoint: where the fit keeps itself; it goes on from there. Batches and loss that are `Resumable` are put
            back where they were; other batches are drawn again up to there, and must come in the same order.
        optimizer: makes one from the parameters, instead of the one that the settings name.
        schedule: makes one from the optimiser, likewise.

    Returns:
        The epochs and which was kept; 0 where none was, and the weights are those it began with. Ctrl-C ends the
        fit as early stopping does, and leaves the last checkpoint to go on from; a loss that is not finite sends it
        back to its last good state where `settings.retries` allow, else it ends with the best weights so far.

    Raises:
        SettingError: a setting has no meaning, or is not the one that the checkpoint was made with.
        ModelError: the checkpoint is of another model, or all of it is damaged.
        OutputError: the first checkpoint cannot be written.
        DataError: the batches ended, or are too small for the processes.

    Cost: `steps` forward and backward passes and `validations` evaluations; one copy of the weights, another for an
    average, and one of weights and optimiser state with retries. A checkpoint is one pass over all of those.
    """
    check_settings(settings)
    fabric = fabric or make_fabric()
    updates = optimizer(list(module.parameters())) if optimizer else make_optimizer(module.parameters(), settings)
    rates = schedule(updates) if schedule else make_schedule(updates, settings)
    run = Run(module, batches, loss, settings, fabric, updates, rates)
    guard, keeper = Guard(run), Keeper(checkpoint, run) if checkpoint else None
    audience = Audience(callbacks if fabric.is_global_zero else ())
    resumed = keeper.resume() if keeper else None
    audience.tell(lambda c: c.on_start(title, settings.steps))
    if resumed is not None:
        audience.tell_detailed(lambda c: c.on_resume(run.step, run.epochs))
    _note(run, audience, resumed or [])
    try:
        _take_steps(run, validate, guard, keeper, audience, begun=resumed is not None)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
        if run.unjudged:
            # Nothing was validated yet: what has been learned so far is the best there is.
            run.validate(validate)
    module.load_state_dict(run.kept)
    module.eval()
    fitted = Fitted(tuple(run.epochs), run.best, run.stopped, run.seconds, tuple(run.notes))
    audience.tell(lambda c: c.on_end(fitted))
    return fitted


def _take_steps(
    run: Run,
    validate: Callable[[nn.Module], float],
    guard: Guard,
    keeper: Keeper | None,
    audience: Audience,
    *,
    begun: bool,
) -> None:
    """Steps until something sets `run.stopped`."""
    settings = run.settings
    every = max(1, settings.steps // settings.validations)
    if run.stopped:
        return
    guard.remember()
    if keeper and not begun:
        keeper.save()
    while not run.stopped:
        outcome = run.advance()
        if isinstance(outcome, Broken):
            said = guard.handle(outcome)
            if not run.stopped:
                audience.tell_detailed(lambda c: c.on_resume(run.step, run.epochs))
            _note(run, audience, [said])
            continue
        audience.tell(lambda c, done=outcome: c.on_step(done.step, done.loss))
        audience.tell_detailed(lambda c, done=outcome: c.on_update(done))
        is_last, is_judged = run.step == settings.steps, run.step % every == 0
        if is_judged or is_last:
            judged, epoch = run.validate(validate)
            audience.tell(lambda c, judged=judged, epoch=epoch: c.on_epoch(judged, epoch))
            if epoch.number - run.best >= settings.patience:
                run.stopped = "early stopping"
            elif is_last:
                run.stopped = "finished"
        is_kept = keeper is not None and keeper.is_due()
        if not run.stopped and (is_kept or (is_judged and settings.retries)) and guard.is_good():
            # At a checkpoint too: after a crash it is the state to go back to, so it has to be without one.
            guard.remember()
            if keeper and is_kept:
                _note(run, audience, [keeper.save()])
    if keeper:
        _note(run, audience, [keeper.save()])


def _note(run: Run, audience: Audience, notes: Sequence[str | None]) -> None:
    for note in filter(None, notes):
        run.notes.append(note)
        audience.tell_detailed(lambda c, note=note: c.on_note(note))
