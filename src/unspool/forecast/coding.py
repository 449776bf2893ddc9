"""Covariates as a network reads them: numbers scaled and masked, categories numbered; all by the rows fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unspool.errors import ModelError
from unspool.forecast.record import from_record, to_record
from unspool.forecast.tables.covariates import Asked
from unspool.forecast.tables.findings import say_unseen
from unspool.forecast.tables.panel import ROLES, Covariate, Finding, Panel, Role

NO_CATEGORY = -1
"""The code of a missing category. That of one not seen in training is the number of those that were."""

PLAIN = 20
"""Categories of a covariate that linear methods are told apart."""

_QUARTILES = 1.349  # what lies between the quartiles of a normal distribution, in deviations


@dataclass(frozen=True)
class Beside:
    """Covariates of one role in a batch; T is the steps there are, none for static ones.

    Attributes:
        numbers: [B, T, 2 N] float32, scaled values with 0 where missing, then 1 where there is one.
        codes: [B, T, C] int64, places of categories, `NO_CATEGORY` where missing.
    """

    numbers: Tensor
    codes: Tensor

    def at(self, index: Tensor) -> "Beside":
        """The rows at `index` of the first axis."""
        return Beside(self.numbers[index], self.codes[index])


@dataclass(frozen=True)
class Coded:
    """One covariate as it was in training.

    Attributes:
        name, role: as in `Covariate`.
        centre, spread: median, and deviation by the quartiles, of numbers.
        words: names of the categories, in the order of their first appearance.
        categorical: whether it holds categories.
    """

    name: str
    role: Role
    centre: float = 0.0
    spread: float = 1.0
    words: tuple[str, ...] = ()
    categorical: bool = False

    def places(self, names: Sequence[str]) -> list[int]:
        """The code of each of the categories that are called `names`."""
        place = {name: k for k, name in enumerate(self.words)}
        return [place.get(name, len(place)) for name in names]


@dataclass(frozen=True)
class Coding:
    """How every covariate is coded, by role in the order of the panel's."""

    columns: tuple[Coded, ...] = ()

    @property
    def asked(self) -> list[Asked]:
        """The covariates as they are looked for in newer data."""
        return [Asked(one.name, one.role, one.categorical) for one in self.columns]

    @classmethod
    def of(cls, panel: Panel) -> "Coding":
        """Scales and categories of the rows in the panel; of what is known of the future after them, nothing."""
        found = []
        for role in ROLES:
            for place, covariate in enumerate(panel.of_role(role)):
                found.append(_coded(covariate, _seen(panel, role, place)))
        return cls(tuple(found))

    def of_role(self, role: Role) -> tuple[Coded, ...]:
        """Those of one role."""
        return tuple(one for one in self.columns if one.role == role)

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """By role, for each covariate the number of its categories, at least 1, or 0 where it is a number."""
        return {role: tuple(max(1, len(c.words)) if c.categorical else 0 for c in self.of_role(role)) for role in ROLES}

    def check(self, panel: Panel) -> None:
        """Raises `ModelError` where the panel was read with other covariates."""
        for role in ROLES:
            columns, given = self.of_role(role), panel.of_role(role)
            if [c.name for c in columns] != [c.name for c in given]:
                raise ModelError(
                    f"the data have the {role} covariates {_listed(given)}; the model was made with {_listed(columns)}",
                    hint="read the data through the fitted forecaster",
                )

    def encode(self, role: Role, panel: Panel, values: np.ndarray) -> Beside:
        """Values [.., K] of the panel's covariates of a role, as the network reads them."""
        columns, given = self.of_role(role), panel.of_role(role)
        scaled, masks, codes = [], [], []
        for place, (column, covariate) in enumerate(zip(columns, given, strict=True)):
            one = values[..., place]
            missing = np.isnan(one)
            if column.categorical:
                lookup = np.array([*column.places(covariate.categories or ()), NO_CATEGORY], np.int64)
                codes.append(lookup[np.where(missing, -1, one).astype(np.int64)])
            else:
                scaled.append(np.where(missing, 0.0, (one - column.centre) / column.spread))
                masks.append(~missing)
        shape = values.shape[:-1]
        numbers = np.stack([*scaled, *masks], -1) if scaled else np.zeros((*shape, 0))
        stacked = np.stack(codes, -1) if codes else np.zeros((*shape, 0), np.int64)
        return Beside(torch.from_numpy(numbers.astype(np.float32)), torch.from_numpy(stacked))

    def plain(self, panel: Panel, beyond: int) -> list[np.ndarray]:
        """For each series what is known, `beyond` steps after its end: [n + beyond, ·] float64, for linear methods.

        Scaled numbers, and a column for each of the first `PLAIN` categories; 0 where there is no value.
        """
        found, columns = [], self.of_role("known")
        count = sum(not one.categorical for one in columns)
        sizes = [min(PLAIN, len(one.words)) for one in columns if one.categorical]
        for series in panel.series:
            size = len(series.values) + beyond
            values = np.zeros((size, 0)) if series.known is None else series.known[:size]
            values = np.pad(values, ((0, size - len(values)), (0, 0)), constant_values=np.nan)
            coded = self.encode("known", panel, values)
            codes = coded.codes.numpy()
            parts = [codes[:, k : k + 1] == np.arange(most) for k, most in enumerate(sizes)]
            found.append(np.hstack([coded.numbers[:, :count].double().numpy(), *parts]))
        return found

    def resting(self, role: Role, shape: tuple[int, ...]) -> Beside | None:
        """Every number at its median, no category: [*shape, ·]; None where the role has no covariate."""
        columns = self.of_role(role)
        if not columns:
            return None
        categories = sum(one.categorical for one in columns)
        numbers = torch.zeros(*shape, 2 * (len(columns) - categories))
        numbers[..., len(columns) - categories :] = 1
        return Beside(numbers, torch.full((*shape, categories), NO_CATEGORY))

    def unseen(self, panel: Panel) -> tuple[Finding, ...]:
        """That the panel has categories which the coding does not know: one finding for each covariate."""
        known = {one.name: set(one.words) for one in self.columns if one.categorical}
        found = []
        for one in panel.covariates:
            new = [name for name in one.categories or () if name not in known.get(one.name, ())]
            if new:
                found.append(say_unseen(one, new))
        return tuple(found)

    def to_json(self) -> list[dict[str, Any]]:
        """The columns, ready for `json.dumps`."""
        return [to_record(one) for one in self.columns]

    @classmethod
    def from_json(cls, data: Any) -> "Coding":
        """The coding that `to_json` wrote; `ModelError` or `ValueError` where it was damaged."""
        if not isinstance(data, list):
            raise ValueError("its covariates are no list")
        columns = tuple(from_record(Coded, one, "covariate") for one in data)
        for one in columns:
            if not (np.isfinite([one.centre, one.spread]).all() and one.spread > 0):
                raise ValueError(f"the scale of covariate {one.name!r} is not a positive number")
            if not all(isinstance(word, str) for word in one.words) or len(set(one.words)) < len(one.words):
                raise ValueError(f"the categories of covariate {one.name!r} are no names")
        return cls(columns)


def _seen(panel: Panel, role: Role, place: int) -> np.ndarray:
    """What training may see of one covariate, without missing values."""
    parts = []
    for series in panel.series:
        values = {"known": series.known, "past": series.past, "static": series.static}[role]
        assert values is not None
        parts.append(values[place : place + 1] if role == "static" else values[: len(series.values), place])
    flat = np.concatenate(parts)
    return flat[~np.isnan(flat)]


def _coded(covariate: Covariate, seen: np.ndarray) -> Coded:
    if covariate.categories is not None:
        # By first appearance, so that the names themselves do not count.
        codes, first = np.unique(seen.astype(np.int64), return_index=True)
        words = tuple(covariate.categories[code] for code in codes[np.argsort(first)])
        return Coded(covariate.name, covariate.role, words=words, categorical=True)
    if len(seen) == 0:
        return Coded(covariate.name, covariate.role)
    low, centre, high = np.quantile(seen, [0.25, 0.5, 0.75])
    # A flag that is mostly off has no distance between its quartiles; a constant has no deviation either.
    spread = (high - low) / _QUARTILES or float(seen.std())
    flat = spread <= 1e-12 * max(1.0, abs(centre))
    return Coded(covariate.name, covariate.role, float(centre), 1.0 if flat else float(spread))


def _listed(columns: Sequence[Coded] | Sequence[Covariate]) -> str:
    return ", ".join(repr(one.name) for one in columns) or "none"
