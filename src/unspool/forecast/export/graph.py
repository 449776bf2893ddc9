"""A fitted model as one module, from values as the table has them to calibrated quantiles in their units."""

from collections.abc import Sequence
from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

from unspool.forecast.coding import NO_CATEGORY, Beside, Coded
from unspool.forecast.export.reading import inputs
from unspool.forecast.fitted import FittedModel
from unspool.forecast.tables.panel import ROLES
from unspool.forecast.windows import Window
from unspool.nn import Recurrent


@final
class Whole(nn.Module):
    """The arrays of `reading.inputs`, in order → quantiles [B, H, Q] float64.

    It is `FittedModel.quantiles` in torch alone: scaling, members averaged, conformal shifts, ascending order.
    """

    def __init__(self, model: FittedModel) -> None:
        super().__init__()
        self.settings = model.recipe.model
        self.names = [given.name for given in inputs(self.settings)]
        self.members = nn.ModuleList(deepcopy(member) for member in model.members)
        for layer in self.modules():
            if isinstance(layer, Recurrent):
                layer.keep_matrices()
        self.columns = {role: model.coding.of_role(role) for role in ROLES}
        self.register_buffer("shifts", torch.tensor(model.shifts, dtype=torch.float64))

    def forward(self, *given: Tensor) -> Tensor:
        """The quantiles."""
        read = dict(zip(self.names, given, strict=True))
        centre, spread = read["centre"], read["spread"]
        results = [member(self._window(read, centre, spread)) for member in self.members]
        quantiles = torch.stack([q.double() for q, _ in results]).mean(0)
        unit = results[0][1].double()
        shifted = self._shifted(quantiles, unit)
        return shifted * spread[:, None, None] + centre[:, None, None]

    def _window(self, read: dict[str, Tensor], centre: Tensor, spread: Tensor) -> Window:
        s = self.settings
        scaled = (read["values"] - centre[:, None]) / spread[:, None]
        past, seen = _filled(scaled)
        steps = (past.shape[0], s.lookback + s.gap + s.horizon, 0)
        unread = past.new_zeros((past.shape[0], s.horizon))
        return Window(
            past=past,
            past_mask=seen,
            calendar=read.get("calendar", past.new_zeros(steps)),
            series=read.get("series", past.new_zeros(past.shape[0], dtype=torch.int64)),
            future=unread,
            future_mask=unread,
            dt=read.get("dt"),
            known=self._beside("known", read),
            past_only=self._beside("past", read),
            static=self._beside("static", read),
        )

    def _beside(self, role: str, read: dict[str, Tensor]) -> Beside | None:
        return encoded(self.columns[role], read[role]) if role in read else None

    def _shifted(self, quantiles: Tensor, unit: Tensor) -> Tensor:
        """`evaluation.conformal.apply`: the units of a window are positive."""
        shifts = self.shifts
        assert isinstance(shifts, Tensor)
        moved = quantiles + unit[:, None, None] * shifts
        place = self.settings.levels.index(0.5)
        below, middle, above = moved[..., :place], moved[..., place : place + 1], moved[..., place + 1 :]
        kept = torch.cat([torch.minimum(below, middle), middle, torch.maximum(above, middle)], -1)
        return kept.sort(-1).values


def encoded(columns: Sequence[Coded], values: Tensor) -> Beside:
    """`Coding.encode` in torch: numbers as they are and categories by their places, NaN where missing."""
    numbers = [k for k, column in enumerate(columns) if not column.categorical]
    scaled, masks, codes = [], [], []
    for k in numbers:
        one, there = _filled((values[..., k] - columns[k].centre) / columns[k].spread)
        scaled.append(one)
        masks.append(there)
    for k, column in enumerate(columns):
        if column.categorical:
            place = torch.where(values[..., k].isnan(), float(NO_CATEGORY), values[..., k])
            codes.append(place.clamp(NO_CATEGORY, len(column.words)).long())
    nothing = values[..., :0]
    return Beside(
        torch.stack([*scaled, *masks], -1) if scaled else nothing.float(),
        torch.stack(codes, -1) if codes else nothing.long(),
    )


def _filled(values: Tensor) -> tuple[Tensor, Tensor]:
    """Values with 0 where they are missing, and 1 where they are there; float32."""
    missing = values.isnan()
    return torch.where(missing, 0.0, values).float(), (~missing).float()
