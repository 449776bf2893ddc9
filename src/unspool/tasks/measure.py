"""How a network's answers are scored: what is minimised, a sequence's error, and whether it is right."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from unspool.tasks.batch import Batch


class Measure(ABC):
    """Scores outputs [B, O] (asked after the last step) or [B, T, O] (at every step)."""

    unit: str
    """Of the error, for a person."""

    @abstractmethod
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """A number to be minimised."""

    @abstractmethod
    def errors(self, output: Tensor, batch: Batch) -> Tensor:
        """[B]: the error that the task's criterion is about."""

    @abstractmethod
    def right(self, output: Tensor, batch: Batch) -> Tensor:
        """[B] bool: whether a sequence was processed correctly."""

    def weights(self, output: Tensor, batch: Batch) -> Tensor:
        """[B]: what a sequence counts for in a mean error."""
        del batch
        return output.new_ones(len(output))

    def total(self, mean: float) -> float:
        """The error of many sequences, from the mean of theirs."""
        return mean


@final
@dataclass(frozen=True)
class Values(Measure):
    """Numbers: squared error is minimised.

    Attributes:
        tolerance: a sequence is right where every absolute error lies below it.
        unit: "mean absolute error", "MSE" or "RMSE".
    """

    tolerance: float
    unit: str = "MSE"

    @override
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        return functional.mse_loss(output, batch.y)

    @override
    def errors(self, output: Tensor, batch: Batch) -> Tensor:
        gap = (output - batch.y).flatten(1)
        return (gap.abs() if self.unit == "mean absolute error" else gap.square()).mean(1)

    @override
    def right(self, output: Tensor, batch: Batch) -> Tensor:
        return (output - batch.y).abs().flatten(1).amax(1) < self.tolerance

    @override
    def total(self, mean: float) -> float:
        return math.sqrt(mean) if self.unit == "RMSE" else mean


@final
@dataclass(frozen=True)
class Classes(Measure):
    """A class told after the last step: cross-entropy is minimised.

    Attributes:
        within: a sequence is right where every output, a probability, is nearer than this to its 0 or 1, and its error
            is the largest such distance; None: where the likeliest class is the right one, and its error is 0 or 1.
    """

    within: float | None = None

    @property
    def unit(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Of the error, for a person."""
        return "share wrong" if self.within is None else "mean of the largest output error"

    @override
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        return functional.cross_entropy(output, batch.y)

    @override
    def errors(self, output: Tensor, batch: Batch) -> Tensor:
        if self.within is None:
            return (~self.right(output, batch)).to(output.dtype)
        return _farthest(output, batch.y)

    @override
    def right(self, output: Tensor, batch: Batch) -> Tensor:
        if self.within is None:
            return output.argmax(-1) == batch.y
        return _farthest(output, batch.y) < self.within


@final
@dataclass(frozen=True)
class Symbols(Measure):
    """A symbol told at every step: mean cross-entropy is minimised.

    Attributes:
        within: as in `Classes`, for the steps that are judged.
        unit: the error is this cross-entropy, "nats per step", or 0 or 1, "share wrong".
    """

    within: float | None = None
    unit: str = "nats per step"

    @override
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        surprise = _surprise(output, batch.y)
        return surprise.mean() if batch.counts is None else surprise[batch.counts].mean()

    @override
    def errors(self, output: Tensor, batch: Batch) -> Tensor:
        if self.unit == "share wrong":
            return (~self.right(output, batch)).to(output.dtype)
        return _mean(_surprise(output, batch.y), batch.counts)

    @override
    def right(self, output: Tensor, batch: Batch) -> Tensor:
        judged = batch.counts if batch.judged is None else batch.judged
        if batch.allowed is not None:
            may = output.masked_fill(~batch.allowed, math.inf).amin(-1)
            may_not = output.masked_fill(batch.allowed, -math.inf).amax(-1)
            good = may > may_not
        elif self.within is not None:
            good = _farthest(output, batch.y) < self.within
        else:
            good = output.argmax(-1) == batch.y
        return (good if judged is None else good | ~judged).all(1)


@final
@dataclass(frozen=True)
class Frames(Measure):
    """Keys that sound, each by itself, at every step: the frame's negative log-likelihood is minimised.

    The error of many sequences is the mean over all of their frames.
    """

    unit: str = "nats per frame"

    @override
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        surprise = self._surprise(output, batch)
        return surprise.mean() if batch.counts is None else surprise[batch.counts].mean()

    @override
    def errors(self, output: Tensor, batch: Batch) -> Tensor:
        return _mean(self._surprise(output, batch), batch.counts)

    @override
    def right(self, output: Tensor, batch: Batch) -> Tensor:
        good = ((output > 0) == (batch.y > 0)).all(-1)
        return (good if batch.counts is None else good | ~batch.counts).all(1)

    @override
    def weights(self, output: Tensor, batch: Batch) -> Tensor:
        frames = torch.full((len(output),), output.shape[1]) if batch.counts is None else batch.counts.sum(1)
        return frames.to(output.dtype)

    def _surprise(self, output: Tensor, batch: Batch) -> Tensor:
        return functional.binary_cross_entropy_with_logits(output, batch.y, reduction="none").sum(-1)


def _surprise(output: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(output.movedim(-1, 1), y, reduction="none")


def _farthest(output: Tensor, y: Tensor) -> Tensor:
    """How far the outputs, as probabilities, are from the answer's 0s and 1: the largest distance, […]."""
    probability = output.softmax(-1)
    gap = probability.scatter_add(-1, y[..., None], -torch.ones_like(probability[..., :1]))
    return gap.abs().amax(-1)


def _mean(values: Tensor, counts: Tensor | None) -> Tensor:
    """Of each row [B, T], over the steps that count."""
    if counts is None:
        return values.mean(1)
    return (values * counts).sum(1) / counts.sum(1).clamp(min=1)
