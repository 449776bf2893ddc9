"""Fit members to labelled sequences: each stops early on a part of its own, and all of them are averaged."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional

from unspool.classify.batches import Batch, batches, in_order
from unspool.classify.model import ClassificationModel, ModelSettings
from unspool.classify.scaling import Scaling
from unspool.classify.sequences import Sequences
from unspool.classify.split import stratified_folds
from unspool.errors import DataError
from unspool.lang import Cell
from unspool.train import Callback, Fitted, TrainSettings, fit

BATCH = 256
"""Sequences that are evaluated at once."""

SPREAD = 0.3
"""Deviation of a temperature's logarithm that is expected before anything is seen."""


@dataclass(frozen=True)
class Recipe:
    """What to fit and how, with nothing left to decide.

    Attributes:
        model: the model's settings.
        cell: its cell.
        train: the loop's settings.
        batch_size: sequences per step.
        members: models whose probabilities are averaged.
        folds: into how many parts the sequences are dealt; member m stops early on part m modulo `folds`.
        smoothing: label smoothing ε: the aim is 1 − ε for the true class and ε / O for all (Szegedy et al. 2016,
            arXiv:1512.00567v3).
        noise: deviation of the noise that is added to what is read in training, in units of each channel.
        balanced: whether every class weighs the same, however few its sequences are.
        seed: of all that is drawn.
    """

    model: ModelSettings
    cell: Cell
    train: TrainSettings
    batch_size: int
    members: int
    folds: int
    smoothing: float
    noise: float
    balanced: bool
    seed: int


@final
@dataclass(frozen=True)
class FittedModel:
    """Fitted members and what is needed to use them.

    Attributes:
        members: networks of one form.
        recipe: how they came to be.
        classes: [O] their names.
        channels: [I] their names.
        scaling: of the channels.
        temperature: logits are divided by it: on the parts that members stopped on, it makes the loss smallest (Guo et
            al. 2017, arXiv:1706.04599).
        validation: what those parts gave: `loss` (nats) and `accuracy` of single members, `sequences` checked.
        logs: how each member's fit went.
        interrupted: whether Ctrl-C came before all members were fitted.
    """

    members: tuple[ClassificationModel, ...]
    recipe: Recipe
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    scaling: Scaling
    temperature: float
    validation: dict[str, float]
    logs: tuple[Fitted, ...]
    interrupted: bool = False

    def probabilities(self, sequences: Sequences) -> np.ndarray:
        """[N, O] float64, each row of sum 1: the mean of the members'."""
        values = [self.scaling(v) for v in sequences.values]
        each = [functional.softmax(logits_of(m, values) / self.temperature, -1) for m in self.members]
        mean = torch.stack(each).mean(0)
        if not bool(mean.isfinite().all()):
            raise DataError("the probabilities are not finite", hint="look for extreme values in the data")
        return (mean / mean.sum(-1, keepdim=True)).numpy()


def fit_model(
    sequences: Sequences, recipe: Recipe, callbacks: Sequence[Callback] = (), title: str = "training"
) -> FittedModel:
    """Fit `recipe` to sequences with labels.

    Raises:
        DataError: the loss is not finite.
        KeyboardInterrupt: Ctrl-C came before the first member had learned anything; later, what is there is returned.
    """
    assert sequences.labels is not None
    classes = sequences.classes
    number = {label: k for k, label in enumerate(classes)}
    labels = np.array([number[label] for label in sequences.labels])
    scaling = Scaling.of(sequences.values)
    values = [scaling(v) for v in sequences.values]
    parts = stratified_folds(labels, recipe.folds, recipe.seed)
    members: list[ClassificationModel] = []
    logs: list[Fitted] = []
    checked: list[tuple[Tensor, Tensor]] = []
    for member in range(recipe.members):
        held = parts == member % recipe.folds
        train, valid = np.flatnonzero(~held), np.flatnonzero(held)
        name = title if recipe.members == 1 else f"{title} {member + 1}/{recipe.members}"
        model, fitted = _member(values, labels, train, valid, recipe, member, callbacks, name)
        if fitted.best == 0:
            if fitted.stopped != "interrupted":
                raise DataError(f"{title}: the loss is not finite", hint="look for extreme values in the data")
            if not members:
                raise KeyboardInterrupt
            break
        members.append(model)
        logs.append(fitted)
        checked.append((logits_of(model, [values[p] for p in valid]), torch.from_numpy(labels[valid])))
        if fitted.stopped == "interrupted":
            break
    logits, truth = torch.cat([c[0] for c in checked]), torch.cat([c[1] for c in checked])
    temperature = best_temperature(logits, truth)
    validation = {
        "loss": float(functional.cross_entropy(logits / temperature, truth)),
        "accuracy": float((logits.argmax(-1) == truth).double().mean()),
        "sequences": float(len(truth)),
    }
    interrupted = len(members) < recipe.members or logs[-1].stopped == "interrupted"
    return FittedModel(
        tuple(members), recipe, classes, sequences.channels, scaling, temperature, validation, tuple(logs), interrupted
    )


@torch.inference_mode()
def logits_of(model: ClassificationModel, values: Sequence[np.ndarray]) -> Tensor:
    """[N, O] float64 of scaled sequences."""
    model.eval()
    order, logits = zip(
        *((places, model(b.x, b.lengths).double()) for places, b in in_order(values, BATCH)), strict=True
    )
    return torch.cat(logits)[torch.from_numpy(np.concatenate(order).argsort())]


def best_temperature(logits: Tensor, truth: Tensor) -> float:
    """The number in 1/5 … 5 by which to divide logits [N, O] float64 so that their cross-entropy is smallest.

    Its logarithm has a normal prior of deviation `SPREAD`: a few sequences that are all told apart prove nothing.
    """

    def loss(log: float) -> float:
        total = float(functional.cross_entropy(logits / math.exp(log), truth, reduction="sum"))
        return total + 0.5 * (log / SPREAD) ** 2

    found = minimize_scalar(loss, bounds=(-math.log(5), math.log(5)), method="bounded")
    return math.exp(float(found.x))  # pyright: ignore[reportAttributeAccessIssue]


def _member(
    values: list[np.ndarray],
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    recipe: Recipe,
    member: int,
    callbacks: Sequence[Callback],
    title: str,
) -> tuple[ClassificationModel, Fitted]:
    seed = recipe.seed * 1000 + member
    weights = class_weights(labels[train], recipe.model.classes) if recipe.balanced else None
    mine, truth = [values[p] for p in valid], torch.from_numpy(labels[valid])

    def validate(module: nn.Module) -> float:
        assert isinstance(module, ClassificationModel)
        return float(
            functional.cross_entropy(logits_of(module, mine), truth, None if weights is None else weights.double())
        )

    with _drawn_from(seed):
        model = ClassificationModel(recipe.model, recipe.cell)
        fitted = fit(
            model,
            batches([values[p] for p in train], labels[train], recipe.batch_size, seed),
            _loss(recipe, weights),
            validate,
            recipe.train,
            title=title,
            callbacks=callbacks,
        )
    return model, fitted


def _loss(recipe: Recipe, weights: Tensor | None) -> Callable[[nn.Module, Batch], Tensor]:
    def loss(module: nn.Module, batch: Batch) -> Tensor:
        x = batch.x
        if recipe.noise:
            alive = torch.arange(x.shape[1]) < batch.lengths[:, None]
            x = x + recipe.noise * torch.randn_like(x) * alive[..., None]
        logits = module(x, batch.lengths)
        return functional.cross_entropy(logits, batch.labels, weights, label_smoothing=recipe.smoothing)

    return loss


def class_weights(labels: np.ndarray, classes: int) -> Tensor:
    """[O] float32: N / (O · N_k), so that every class weighs the same in sum; 1 for a class that is not there."""
    counts = np.bincount(labels, minlength=classes)
    return torch.tensor(len(labels) / (classes * np.maximum(counts, 1)), dtype=torch.float32)


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Weights, dropout and noise come from the seed; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
