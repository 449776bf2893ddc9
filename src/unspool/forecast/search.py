"""`auto` within a budget: try candidates until it is spent, and keep an ensemble of the best.

The first candidates are those of `auto` without a budget. Each of the next differs in one option, all of them in turn,
from one of the best so far: a local search from several starts. Its trials depend on the seed, the data and the losses,
and not on the clock, which only ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from torch import nn

from unspool.errors import DataError, SettingError, UnspoolError
from unspool.forecast.budget import Budget
from unspool.forecast.ensemble import AnyModel, AnyRecipe, EnsembleRecipe, calibrated
from unspool.forecast.fitted import FittedModel
from unspool.forecast.fitting import fit_model
from unspool.forecast.members import average
from unspool.forecast.options import Options
from unspool.forecast.places import spread_evenly
from unspool.forecast.recipe import Recipe
from unspool.forecast.result import SPENT, Choice, Member, Search, Trial
from unspool.forecast.selection import mixed, select, step_loss, without
from unspool.forecast.space import Point, Space
from unspool.forecast.tables.panel import Panel
from unspool.forecast.validation import VALIDATED, validation_places
from unspool.forecast.windows import observed
from unspool.train import Callback, Epoch, Fitted

EVENLY = "quantile loss on the validation part, every step ahead counting the same, in units of each series' deviation"

KEPT = 20
"""The best trials, from which the ensemble is made."""

PARENTS = 2
"""The best trials, from which the next one differs in one option."""

NUMBERS = 500_000
"""Quantiles of a trial's validation forecast that are kept, at most."""


@dataclass(frozen=True)
class _Tried:
    number: int
    name: str
    point: Point
    recipe: Recipe
    model: FittedModel
    forecast: np.ndarray
    loss: float
    seconds: float

    @property
    def rank(self) -> tuple[float, int]:
        return self.loss, self.number

    def again(self, members: int) -> float:
        """Seconds that the recipe will take to be fitted with so many members, which the refit trains after one."""
        log = self.model.log
        if not self.recipe.refit:
            return self.seconds * members
        return self.seconds * (1 + members * log.best / max(1, len(log.epochs)))


def search(
    options: Options,
    panel: Panel,
    budget: Budget,
    callbacks: Sequence[Callback] = (),
    *,
    rounds: int = 1,
    least: int = 1,
) -> tuple[AnyRecipe, AnyModel, Choice]:
    """What to fit, the same as fitted in the search, and what was tried.

    A time is that of the search: a fit that is under way when it is over is cut off and does not count. The fits of
    what was chosen come after it; `Search.rest` says how long they will take.

    Args:
        options: checked; what they leave open is searched.
        panel: what is chosen on.
        budget: where it ends.
        callbacks: watch every fit.
        rounds: how often what was chosen will be fitted.
        least: as for `Space`.

    Raises:
        SettingError: the time was over before anything was fitted.
        DataError: no candidate can be fitted to the data.
        KeyboardInterrupt: Ctrl-C came before anything was learned; later, what was tried so far counts.

    Memory: the weights and `NUMBERS` quantiles of `KEPT` trials.
    """
    return _Search(options, panel, budget, callbacks, rounds, least).run()


@final
class _Search:
    def __init__(
        self,
        options: Options,
        panel: Panel,
        budget: Budget,
        callbacks: Sequence[Callback],
        rounds: int,
        least: int,
    ) -> None:
        self.end = budget.clock() + (np.inf if budget.seconds is None else budget.seconds)
        self.options, self.panel, self.budget, self.callbacks, self.rounds = options, panel, budget, callbacks, rounds
        self.space = Space(options, panel, least)
        self.draw = np.random.default_rng(options.seed)
        self.turns = list(self.space.open)
        self.waiting = dict(self.space.first)
        self.seen: set[str] = set()
        self.best: list[_Tried] = []
        self.trials: list[Trial] = []
        self.refused: dict[str, str] = {}
        self.judge: _Judge | None = None

    def run(self) -> tuple[AnyRecipe, AnyModel, Choice]:
        ended = ""
        while not ended:
            found = self._next()
            if self._is_spent():
                ended = SPENT
            elif found is None:
                ended = "nothing is left to try"
            else:
                ended = self._try(*found)
        return self._chosen(ended)

    def _is_spent(self) -> bool:
        if self.budget.trials is not None:
            return len(self.trials) + len(self.refused) >= self.budget.trials
        return bool(self.trials) and self.budget.clock() >= self.end

    def _rest(self, taken: Sequence[_Tried]) -> float:
        """Seconds of the fits that follow."""
        return self.rounds * sum(one.again(self._members(one.recipe, len(taken))) for one in taken)

    def _next(self) -> tuple[str, Point] | None:
        """The next candidate and its name; None where all were tried."""
        if self.waiting:
            name = next(iter(self.waiting))
            return name, self.waiting.pop(name)
        for parents in (self.best[:PARENTS], self.best[PARENTS:]):
            near = [names for one in parents if (names := self._untried(one.point))]
            if near:
                points = self._in_turn(near[self.draw.integers(len(near))])
                return points[self.draw.integers(len(points))]
        return None

    def _in_turn(self, near: dict[str, list[tuple[str, Point]]]) -> list[tuple[str, Point]]:
        """The points of the option whose turn it is: each is changed equally often, however many values it has."""
        option = next(name for name in self.turns if name in near)
        self.turns.remove(option)
        self.turns.append(option)
        return near[option]

    def _untried(self, point: Point) -> dict[str, list[tuple[str, Point]]]:
        near: dict[str, list[tuple[str, Point]]] = {}
        for option, points in self.space.neighbours(point).items():
            named = [(self.space.name(one), one) for one in points]
            if new := [(name, one) for name, one in named if name not in self.seen]:
                near[option] = new
        return near

    def _try(self, name: str, point: Point) -> str:
        """Fit it and keep it; why the search ends, or nothing."""
        self.seen.add(name)
        before = self.budget.clock()
        watch = _Watch(self.budget, self.end)
        try:
            recipe = self.space.recipe(point)
            model = fit_model(self.panel, recipe.alone, [*self.callbacks, watch], title=f"trying {name}")
            self.judge = self.judge or _Judge(self.panel, model)
            forecast, loss = self.judge.forecast(model)
        except KeyboardInterrupt:
            if not self.best:
                raise
            return "interrupted"
        except _OutOfTimeError as cut:
            if not self.best:
                raise _too_short(self.budget, name, cut) from None
            return SPENT
        except UnspoolError as error:
            self.refused[name] = error.message
            if not (self.best or self.waiting):
                raise
            return ""
        seconds = self.budget.clock() - before
        self.trials.append(Trial(name, point.to_json(), loss))
        self.best.append(_Tried(len(self.trials), name, point, recipe, model, forecast, loss, seconds))
        self.best = sorted(self.best, key=lambda one: one.rank)[:KEPT]
        return "interrupted" if model.log.stopped == "interrupted" else ""

    def _chosen(self, ended: str) -> tuple[AnyRecipe, AnyModel, Choice]:
        assert self.judge is not None
        actual, levels = self.judge.actual, self.judge.levels
        counts = select([one.forecast for one in self.best], actual, levels)
        taken = [one for one, count in zip(self.best, counts, strict=True) if count]
        counts = [count for count in counts if count]
        forecasts = [one.forecast for one in taken]
        losses = without(forecasts, counts, actual, levels)
        members = tuple(
            Member(one.name, count / sum(counts), one.loss, rest if len(taken) > 1 else None)
            for one, count, rest in zip(taken, counts, losses, strict=True)
        )
        done = Search(
            budget=str(self.budget),
            ended=ended,
            trials=tuple(self.trials),
            refused=self.refused,
            members=members,
            loss=step_loss(actual, mixed(forecasts, counts), levels),
            rest=self._rest(taken),
        )
        tried = {trial.name: trial.loss for trial in self.trials}
        name = taken[0].name if len(taken) == 1 else f"an ensemble of {len(taken)}"
        choice = Choice(name, tried, EVENLY, ended == "interrupted", done)
        if len(taken) == 1:
            return taken[0].recipe, taken[0].model, choice
        recipes = tuple(replace(one.recipe, members=self._members(one.recipe, len(taken))) for one in taken)
        model = calibrated(self.panel, [one.model for one in taken], counts)
        return EnsembleRecipe(recipes, tuple(counts)), model, choice

    def _members(self, recipe: Recipe, count: int) -> int:
        """Seeds of one of `count` recipes: in all as many as of a single one, where the user gave no number of them."""
        return recipe.members if self.options.members else -(-recipe.members // count)


@final
class _Judge:
    """The validation forecasts of every candidate, at the same cutoffs: those of the first one's windows."""

    def __init__(self, panel: Panel, first: FittedModel) -> None:
        settings, windows = first.recipe.model, first.windows(panel, first.scales)
        most = max(1, min(VALIDATED, NUMBERS // (settings.horizon * len(settings.levels))))
        self._panel, self._places = panel, spread_evenly(validation_places(windows, first.recipe)[0], most)
        self.actual, self.levels = observed(windows.cut(self._places)), settings.levels

    def forecast(self, model: FittedModel) -> tuple[np.ndarray, float]:
        """[M, H, Q] float32, in units of the series' scale, and its mean pinball loss."""
        window = model.windows(self._panel, model.scales).cut(self._places)
        quantiles = average(model.members, window)[0].astype(np.float32)
        loss = step_loss(self.actual, quantiles, self.levels)
        if not np.isfinite(loss):
            raise DataError("its forecast of the validation part is not finite")
        return quantiles, loss


class _OutOfTimeError(Exception):
    """A fit was cut off by the clock, after `step` of `steps` steps."""

    def __init__(self, step: int, steps: int) -> None:
        super().__init__(step, steps)
        self.step, self.steps = step, steps


@final
class _Watch:
    """A callback that cuts a fit off when the time is over."""

    def __init__(self, budget: Budget, end: float) -> None:
        self._clock, self._end, self._steps = budget.clock, end, 0

    def on_start(self, title: str, steps: int) -> None:
        del title
        self._steps = steps

    def on_step(self, step: int, loss: float) -> None:
        del loss
        if self._clock() >= self._end:
            raise _OutOfTimeError(step, self._steps)

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """See `Callback`."""

    def on_end(self, fitted: Fitted) -> None:
        """See `Callback`."""


def _too_short(budget: Budget, name: str, cut: _OutOfTimeError) -> SettingError:
    assert budget.seconds is not None
    whole = budget.seconds * cut.steps / cut.step
    wanted: Any = np.ceil(10 * whole)
    return SettingError(
        f"the budget of {budget} was over before the first candidate was fitted: '{name}' had done {cut.step} of "
        f"{cut.steps} steps",
        hint=f"one takes about {whole:.2g} s here: give --budget {wanted:.0f}s or more, or fewer --steps",
    )
