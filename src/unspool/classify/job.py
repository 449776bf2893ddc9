"""The whole job in one call: fit, predict what was not learned from, compare with simple classifiers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unspool.classify.baselines import baseline_probabilities
from unspool.classify.choice import Choice, choose
from unspool.classify.fitting import FittedModel, fit_model
from unspool.classify.options import Options, candidates, check_options
from unspool.classify.scores import reliability, score
from unspool.classify.sequences import Sequences, check_classes, check_known
from unspool.classify.split import hold_out
from unspool.errors import DataError, SettingError
from unspool.train import Callback

MODEL = "unspool"
"""The key of the network beside the baselines' names in metrics.json."""

SHARE = 0.25
"""Of the sequences is held out for the scores where there is no test file."""


@dataclass(frozen=True)
class Run:
    """What a classification job gives.

    Attributes:
        model: to be kept; of all training sequences.
        choice: what was tried for `scored`, and taken.
        scored: the model that the scores are of: without a test file it knows nothing of the sequences held out.
        train: what `scored` learned from.
        test: what it was scored on.
        held_out: whether `test` was a part of the training file.
        probabilities: [N, O] of the test sequences.
        metrics: what metrics.json holds.
        notes: what a reader should know about how the run went.
    """

    model: FittedModel
    scored: FittedModel
    choice: Choice
    train: Sequences
    test: Sequences
    held_out: bool
    probabilities: np.ndarray
    metrics: dict[str, Any]
    notes: tuple[str, ...]


def run_job(
    sequences: Sequences,
    options: Options,
    test: Sequences | None = None,
    *,
    share: float = SHARE,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Fit, score and compare. The test sequences are looked at once, when everything is fitted.

    Without `test` a share of every class is held out; the scores are of a model that was fitted to the rest, and the
    model that is kept is then fitted to everything in the same way.

    Raises:
        DataError: classes or channels do not fit.
        SettingError, CellError: an option has no meaning.
        KeyboardInterrupt: Ctrl-C came before anything was learned.
    """
    check_options(options)
    check_job(sequences, test, share=share)
    notes = [*sequences.findings]
    held_out = test is None
    if test is None:
        held = hold_out(np.array(sequences.labels), share, options.seed)
        train, test = sequences.take(np.flatnonzero(~held)), sequences.take(np.flatnonzero(held))
    else:
        train = sequences
    scored, choice = choose(train, candidates(options, train), callbacks, "to be scored" if held_out else "training")
    model = scored
    if choice.interrupted:
        notes.append(f"interrupted: it is the best so far, {len(scored.members)} of {options.members} members")
    elif held_out:
        model, finished = _again(sequences, replace(options, pool=scored.recipe.model.pool), callbacks, scored)
        if not finished:
            notes.append("interrupted: the model kept has not learned from all sequences")
    probabilities = scored.probabilities(test)
    return Run(
        model=model,
        scored=scored,
        choice=choice,
        train=train,
        test=test,
        held_out=held_out,
        probabilities=probabilities,
        metrics=_metrics(scored, train, test, probabilities, held_out, choice, options.seed),
        notes=tuple(notes),
    )


def check_job(sequences: Sequences, test: Sequences | None, *, share: float = SHARE) -> None:
    """Raises what `run_job` would, before anything is fitted."""
    check_classes(sequences)
    if test is None:
        if not 0 < share < 1:
            raise SettingError(f"the share held out is {share}", hint="it is a share between 0 and 1")
        if not hold_out(np.array(sequences.labels), share, 0).any():
            raise DataError(
                f"{sequences.source}: no class has 3 sequences, so none can be held out to score on",
                hint="give more sequences, or a test file",
            )
        return
    if test.labels is None:
        raise DataError(f"{test.source} has no labels to compare with", hint="`unspool classify predict` needs none")
    if len(test.channels) != len(sequences.channels):
        raise DataError(
            f"{test.source} has {len(test.channels)} channels, {sequences.source} has {len(sequences.channels)}",
            hint="both need the same ones",
        )
    check_known(test, sequences.classes)


def _again(
    sequences: Sequences, options: Options, callbacks: Sequence[Callback], scored: FittedModel
) -> tuple[FittedModel, bool]:
    """The model of all sequences, and whether its fit was let finish; the scored one where nothing was learned."""
    try:
        (recipe,) = candidates(options, sequences).values()
        model = fit_model(sequences, recipe, callbacks, "on all of them")
    except KeyboardInterrupt:
        return scored, False
    return model, not model.interrupted


def _metrics(
    model: FittedModel,
    train: Sequences,
    test: Sequences,
    probabilities: np.ndarray,
    held_out: bool,
    choice: Choice,
    seed: int,
) -> dict[str, Any]:
    assert test.labels is not None
    number = {name: k for k, name in enumerate(model.classes)}
    truth = np.array([number[label] for label in test.labels])
    rivals = baseline_probabilities(train, test, seed)
    overall = {name: score(truth, p, model.classes) for name, p in {MODEL: probabilities, **rivals}.items()}
    detail = {key: overall[MODEL].pop(key) for key in ("per_class", "confusion")}
    for name in rivals:
        for key in detail:
            del overall[name][key]
    return {
        "scored_on": "sequences held out" if held_out else "test file",
        "training_sequences": len(train.ids),
        "classes": list(model.classes),
        "overall": overall,
        **detail,
        "reliability": reliability(truth, probabilities),
        "validation": model.validation,
        "choice": {"chosen": choice.chosen, "tried": choice.tried},
        "temperature": model.temperature,
    }
