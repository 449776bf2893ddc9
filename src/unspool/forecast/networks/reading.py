"""What a network reads and what it is built for; every network takes the same."""

from dataclasses import dataclass

from torch import Tensor

from unspool.lang import Cell


@dataclass(frozen=True)
class Reading:
    """A normalised batch.

    Attributes:
        past: [B, L] normalised values, 0 where not observed.
        mask: [B, L] 1 where observed.
        calendar_past: [B, L, F].
        calendar_future: [B, H, F].
        identity: [B, H_units] what is known of the series itself, added to the state the horizon is read from.
        dt: [B, L + H] time since the step before, in steps; None where all steps are alike.
    """

    past: Tensor
    mask: Tensor
    calendar_past: Tensor
    calendar_future: Tensor
    identity: Tensor
    dt: Tensor | None = None


@dataclass(frozen=True)
class Plan:
    """What a network is built for.

    Attributes:
        cell: any cell.
        lookback, horizon: steps read, steps forecast.
        outputs: numbers per step of the horizon.
        features: calendar features per step.
        hidden_size, num_layers, dropout: of the recurrence.
        segment: steps per segment, for networks that read in segments.
        uneven: whether the time of every step is given, as `Reading.dt`.
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
