"""A recipe: what to fit and how, and the model that it begins with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from unspool.forecast.model import ForecastModel, ModelSettings
from unspool.lang import Cell
from unspool.train import TrainSettings


@dataclass(frozen=True)
class Recipe:
    """What to fit and how, with nothing left to decide.

    Attributes:
        model: the model's settings.
        cell: its cell.
        train: the loop's settings.
        batch_size: windows per step.
        validation: steps at the end of each series that are held back to stop on and to calibrate with.
        refit: whether the model is then fitted anew on everything, for as many steps as were best.
        members: models fitted from different seeds; their quantiles are averaged.
        seed: of weights and order.
        cold: whether it is trained for series that have hardly begun (see `cold`).
    """

    model: ModelSettings
    cell: Cell
    train: TrainSettings
    batch_size: int
    validation: int
    refit: bool
    members: int
    seed: int
    cold: bool = False

    @property
    def few(self) -> int:
        """Values up to which a series' own deviation is not trusted alone."""
        return least_past(self.model.lookback) if self.cold else 0

    @property
    def alone(self) -> "Recipe":
        """One model without the refit: what is tried, and what a refit learns from how long to train."""
        return replace(self, refit=False, members=1)


def least_past(lookback: int) -> int:
    """Steps that must lie before a cutoff for its window to be trained on."""
    return max(1, lookback // 2)


def build(recipe: Recipe, member: int) -> ForecastModel:
    """A model with the weights of the recipe's seed."""
    with drawn_from(recipe, member):
        return ForecastModel(recipe.model, recipe.cell)


@contextmanager
def drawn_from(recipe: Recipe, member: int) -> Iterator[None]:
    """Weights and dropout come from the recipe's seed; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed * 1000 + member)
        yield
