"""What a search chooses among: points in the space of the options that were left open."""

from dataclasses import dataclass, replace
from typing import Any, final

from unspool.forecast import defaults
from unspool.forecast.networks import TIMED
from unspool.forecast.normalise import NORMALISATIONS
from unspool.forecast.options import OPEN, Options, candidates, first_cell
from unspool.forecast.recipe import Recipe
from unspool.forecast.tables.panel import Panel
from unspool.lang import Cell

CELLS = ("gru", "lmu", "exprnn", "lru", "slstm", "ligru")
"""Good ones of different kinds (docs/choosing-a-cell.md): gates, linear memories, lengths kept, exponential gates."""

TIMED_CELLS = ("lem", "cfc", "ctrnn", "shunting")
"""Those for rows at uneven times."""

NETWORKS = ("segment", "direct", "onward")

STEPWISE = 128
"""Steps of window and horizon up to which networks that read step by step are tried: each costs one of the cell's."""


@final
@dataclass(frozen=True)
class Point:
    """A value for every option that is searched; `segment` is None for networks that have none."""

    cell: str | Cell
    network: str
    window: int
    segment: int | None
    hidden_size: int
    normalisation: str
    highway: bool
    learning_rate: float

    def to_json(self) -> dict[str, Any]:
        """The options by name; a cell of the user's by its name."""
        values = {name: getattr(self, name) for name in OPEN if getattr(self, name) is not None}
        return {**values, "cell": self.cell if isinstance(self.cell, str) else self.cell.name}


@final
class Space:
    """The points that the options leave open, for a panel.

    Args:
        options: checked.
        panel: what is chosen on.
        least: steps from which on a window is long enough to hold a value at the end of every series.

    Attributes:
        open: the names of the options that are searched.
        first: the points that are tried without a budget, by their names.

    Raises:
        SettingError: nothing is open.
        DataError: as `candidates`.
    """

    def __init__(self, options: Options, panel: Panel, least: int = 1) -> None:
        self.uneven = panel.frequency.uneven
        self._panel, self._least, self._season = panel, least, panel.frequency.season_length
        self._options = replace(options, cell=first_cell(options, self.uneven))
        recipes = candidates(self._options, panel)
        self.open = [name for name, value in OPEN.items() if getattr(options, name) == value]
        if self.uneven:
            self.open = [name for name in self.open if name not in ("highway", "segment")]
        self.first = {name: self._point(recipe) for name, recipe in recipes.items()}
        self._usual = next(iter(self.first.values()))
        self._ahead = options.gap + options.horizon
        length = max(len(s.values) for s in panel.series)
        recipe = next(iter(recipes.values()))
        self._longest = length - recipe.validation - self._ahead
        windows = sum(max(0, len(s.values) - recipe.validation - self._ahead) for s in panel.series)
        self._large = windows >= defaults.MANY
        self._values = self._all_values()

    def recipe(self, point: Point) -> Recipe:
        """What to fit there."""
        (recipe,) = candidates(
            replace(self._options, **{name: getattr(point, name) for name in OPEN}), self._panel
        ).values()
        return recipe

    def name(self, point: Point) -> str:
        """How the point differs from the others: its network, then what is not as usual. No two have the same name."""
        form = f"segment {point.segment}" if point.segment else point.network
        usual, words = self._usual, [f"{form} + highway" if point.highway else form]
        if point.cell != usual.cell:
            words.append(str(point.to_json()["cell"]))
        if point.window != usual.window:
            words.append(f"window {point.window}")
        if point.normalisation != usual.normalisation:
            words.append(point.normalisation)
        if point.hidden_size != usual.hidden_size:
            words.append(f"{point.hidden_size} units")
        if point.learning_rate != usual.learning_rate:
            words.append(f"rate {point.learning_rate:.4g}")
        return ", ".join(words)

    def neighbours(self, point: Point) -> dict[str, list[Point]]:
        """By the name of an option that is open: the points that differ from `point` in it alone.

        A segment goes with its network and window: where one of these changes, the usual segment is taken.
        """
        found: dict[str, list[Point]] = {}
        for name in self.open:
            values = self._segments(point) if name == "segment" else self._values[name]
            changed = [replace(point, **{name: value}) for value in values if value != getattr(point, name)]
            if name in ("network", "window"):
                changed = [self._with_segment(one) for one in changed]
            if near := [one for one in changed if self._is_possible(one)]:
                found[name] = near
        return found

    def _point(self, recipe: Recipe) -> Point:
        model = recipe.model
        return Point(
            self._options.cell, model.network, model.lookback, model.segment if model.network == "segment" else None,
            model.hidden_size, model.normalisation, model.highway, recipe.train.learning_rate,
        )  # fmt: skip

    def _all_values(self) -> dict[str, list[Any]]:
        usual = self._usual
        half = max(2, self._least, usual.window // 2)
        windows = {usual.window, *(w for w in (half, 2 * usual.window) if w <= self._longest)}
        return {
            "cell": list(TIMED_CELLS if self.uneven else CELLS),
            "network": list(TIMED if self.uneven else NETWORKS),
            "window": sorted(windows),
            "hidden_size": [max(2, usual.hidden_size // 2), usual.hidden_size, 2 * usual.hidden_size],
            "normalisation": list(NORMALISATIONS),
            "highway": [False, True],
            "learning_rate": [usual.learning_rate * factor for factor in (0.4, 1.0, 2.0)],
        }

    def _segments(self, point: Point) -> list[int]:
        if point.segment is None:
            return []
        usual = defaults.default_segments(point.window, self._options.horizon, self._season)
        longest = max(point.window, self._options.horizon)
        # So short a segment that there are very many of them is slow.
        return [s for s in sorted({usual[0] // 2, *usual, 2 * usual[0]}) if 2 <= s <= point.window and longest / s < 27]

    def _with_segment(self, point: Point) -> Point:
        if point.network != "segment":
            return replace(point, segment=None)
        if self._options.segment is not None:
            return replace(point, segment=min(self._options.segment, point.window))
        return replace(point, segment=defaults.default_segments(point.window, self._options.horizon, self._season)[0])

    def _is_possible(self, point: Point) -> bool:
        if point.normalisation == "season" and (self.uneven or not 1 < self._season <= point.window):
            return False
        if point.network == "segment" or self._options.network != "auto" or self.uneven:
            return True
        return not self._large and point.window + self._ahead <= STEPWISE
