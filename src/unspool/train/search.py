"""A search for settings: Optuna proposes, unpromising fits are broken off, and every trial is on the disk.

The tree-structured Parzen estimator proposes (Bergstra et al. 2011, NeurIPS 24). A fit is broken off where its
validation loss is above the median of earlier fits at the same validation (Golovin et al. 2017,
DOI 10.1145/3097983.3098043, section 3.2).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from torch import nn

from unspool.errors import DataError, ModelError, OutputError, SettingError
from unspool.train.callback import Callback
from unspool.train.log import Epoch, Fitted

if TYPE_CHECKING:
    from optuna import Study, Trial

STARTED_WITH = 5
"""Fits before any is broken off."""

LEAST = 2
"""Validations before a fit may be broken off."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, whole ones where both are; evenly, or evenly in their logarithm."""

    low: float
    high: float
    log: bool = False


Space = Mapping[str, Range | tuple[Any, ...]]
"""What may be set, by name: a range, or the values to choose among."""


@dataclass(frozen=True)
class Tried:
    """A trial that is done: its number, from 0, what was set, and the loss; None where the fit was broken off."""

    number: int
    values: dict[str, Any]
    loss: float | None


@dataclass(frozen=True)
class Found:
    """What a search has found so far: its trials in the order of their numbers, and whether Ctrl-C ended it."""

    trials: tuple[Tried, ...]
    interrupted: bool

    @property
    def best(self) -> Tried | None:
        """The trial with the lowest loss; None where none has one."""
        done = [(trial.loss, trial.number, trial) for trial in self.trials if trial.loss is not None]
        return min(done)[2] if done else None


def search(
    objective: Callable[[dict[str, Any], Callback], float],
    space: Space,
    first: Mapping[str, Any],
    *,
    storage: str | PathLike[str],
    trials: int,
    about: Mapping[str, Any],
    seed: int = 0,
    tell: Callable[[Tried, Tried | None], None] | None = None,
) -> Found:
    """Try settings until `trials` of them are done, those of earlier calls with the same storage among them.

    Args:
        objective: (values, callback) → loss; the callback goes to `fit`, and breaks it off. A `DataError` counts as
            broken off: these settings do not fit the data.
        space: what may be set.
        first: the values to begin with; what is usual, so that nothing worse is found.
        storage: SQLite file; a search that was ended, or killed, goes on from it. Several processes may share it.
        trials: how many, in all.
        about: what the losses depend on besides the values (data, fixed settings), as JSON; kept in the storage.
        seed: of the proposals. A search in one go gives the same trials each time; one that went on gives others.
        tell: told of each trial that is done, and of the best one so far.

    Raises:
        SettingError: Optuna is not installed (the extra `unspool[tune]`), or the storage is of a search with another
            `about` or space.
        OutputError: the storage cannot be written.
        ModelError: the storage is no search.
    """
    try:
        import optuna
    except ImportError:
        raise SettingError("optuna is not installed", hint="pip install 'unspool[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _study(Path(storage), seed)
    _compare(study, {"about": dict(about), "space": {name: repr(of) for name, of in space.items()}}, storage)
    if not _done(study):
        study.enqueue_trial({name: first[name] for name in space})

    def tried(trial: "Trial") -> float:
        values = {name: _suggest(trial, name, of) for name, of in space.items()}
        try:
            return objective(values, _Judge(trial))
        except DataError as error:
            trial.set_user_attr("refused", error.message)
            raise optuna.TrialPruned from None

    interrupted = False
    try:
        while len(_done(study)) < trials:
            study.optimize(tried, n_trials=1)
            done = _done(study)
            if tell is not None and done:
                tell(done[-1], Found(tuple(done), False).best)
    except KeyboardInterrupt:
        interrupted = True
    return Found(tuple(_done(study)), interrupted)


@final
class _Judge:
    """A callback that reports validation losses, and breaks off a fit that is worse than most."""

    def __init__(self, trial: "Trial") -> None:
        self._trial = trial

    def on_start(self, title: str, steps: int) -> None:
        """See `Callback`."""

    def on_step(self, step: int, loss: float) -> None:
        """See `Callback`."""

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Report, and perhaps break off."""
        import optuna

        del module
        self._trial.report(epoch.valid_loss, epoch.number)
        if self._trial.should_prune():
            raise optuna.TrialPruned

    def on_end(self, fitted: Fitted) -> None:
        """Ctrl-C ends the search too, not only this fit."""
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt


def _study(storage: Path, seed: int) -> "Study":
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        storage.parent.mkdir(parents=True, exist_ok=True)
        with storage.open("ab"):
            pass
    except OSError as error:
        raise OutputError(f"cannot write '{storage}': {error.strerror or error}") from None
    try:
        kept = optuna.storages.RDBStorage(f"sqlite:///{storage.absolute()}")
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTED_WITH)
        pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTED_WITH, n_warmup_steps=LEAST)
        study = optuna.create_study(
            storage=kept, sampler=sampler, pruner=pruner, study_name="unspool", load_if_exists=True
        )
        begun = len(study.get_trials(deepcopy=False))
    except (SQLAlchemyError, RuntimeError, AssertionError) as error:
        raise ModelError(
            f"'{storage}' is no search: {str(error).splitlines()[0]}", hint="choose another folder, or delete the file"
        ) from None
    if begun:
        # Where a search goes on, the first draws of the seed are used up.
        study.sampler = optuna.samplers.TPESampler(seed=seed + begun, n_startup_trials=STARTED_WITH)
    return study


def _compare(study: "Study", here: dict[str, Any], storage: str | PathLike[str]) -> None:
    here = json.loads(json.dumps(here))
    there = study.user_attrs.get("search")
    if there is None:
        study.set_user_attr("search", here)
        return
    changed = [
        f"{name} was {there[part].get(name)!r} and is {here[part].get(name)!r}"
        for part in ("about", "space")
        for name in here[part] | there[part]
        if here[part].get(name) != there[part].get(name)
    ]
    if changed:
        raise SettingError(
            f"'{storage}' is of another search: {'; '.join(changed)}",
            hint="go on with the same data and options, or choose another folder",
        )


def _suggest(trial: "Trial", name: str, of: Range | tuple[Any, ...]) -> Any:
    if isinstance(of, tuple):
        return trial.suggest_categorical(name, of)
    if isinstance(of.low, int) and isinstance(of.high, int):
        return trial.suggest_int(name, of.low, of.high, log=of.log)
    return trial.suggest_float(name, of.low, of.high, log=of.log)


def _done(study: "Study") -> list[Tried]:
    from optuna.trial import TrialState

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return [Tried(t.number, t.params, t.value if t.state == TrialState.COMPLETE else None) for t in done]
