"""What a network reads and what it is built for; every network takes the same."""

from dataclasses import dataclass, fields, replace

from torch import Tensor

from unspool.forecast.heads import Head
from unspool.lang import Cell


@dataclass(frozen=True)
class Reading:
    """A normalised batch.

    Attributes:
        past: [B, L] normalised values, 0 where not observed.
        mask: [B, L] 1 where observed.
        calendar_past: [B, L, F] the calendar, then the covariates known in the future.
        calendar_future: [B, H, F] the same of the horizon.
        identity: [B, H_units] what is known of the series itself, added to the state the horizon is read from.
        dt: [B, L + H] time since the step before, in steps; None where all steps are alike.
        past_only: [B, L, P] covariates known in the past only; None where there are none.
    """

    past: Tensor
    mask: Tensor
    calendar_past: Tensor
    calendar_future: Tensor
    identity: Tensor
    dt: Tensor | None = None
    past_only: Tensor | None = None

    def rows(self, first: int, last: int) -> "Reading":
        """A part of the batch."""
        parts = {f.name: v[first:last] for f in fields(self) if (v := getattr(self, f.name)) is not None}
        return replace(self, **parts)

    def beside_past(self) -> list[Tensor]:
        """[B, L, F] and [B, L, P]: what is read beside the values."""
        return [self.calendar_past] if self.past_only is None else [self.calendar_past, self.past_only]


@dataclass(frozen=True)
class Plan:
    """What a network is built for.

    Attributes:
        cell: any cell.
        lookback, horizon: steps read, steps forecast.
        outputs: numbers per step of the horizon.
        features: calendar features and channels of covariates known in the future, per step.
        hidden_size, num_layers, dropout: of the recurrence.
        segment: steps per segment, for networks that read in segments.
        uneven: whether the time of every step is given, as `Reading.dt`.
        past_only: channels of covariates known in the past only, per step.
        dilations: of the layers, for `dilated`.
        head: what makes a distribution of the outputs, for networks that draw from it.
        lags: steps, of at least 2, whose values are read again, for networks that do.
    """

    cell: Cell
    lookback: int
    horizon: int
    outputs: int
    features: int
    hidden_size: int
    num_layers: int
    dropout: float
    segment: int
    uneven: bool = False
    past_only: int = 0
    dilations: tuple[int, ...] = ()
    head: Head | None = None
    lags: tuple[int, ...] = ()
