"""The network: any cell over time, pooled to one vector, and a linear readout to classes."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, final, get_args

from torch import Tensor, nn
from torch.nn import functional

from unspool.errors import ModelError
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.nn.setups import Diagram, ManyToOne, Pool


@dataclass(frozen=True)
class ModelSettings:
    """The form of the network.

    Attributes:
        features: I, numbers per step: channels and masks.
        classes: O.
        hidden_size, num_layers, bidirectional: of the recurrence.
        pool: how the outputs of all steps become one vector.
        dropout: of the pooled vector, and of outputs between layers.
        segment: k steps that are read as one, so a recurrence of T steps takes T/k.
    """

    features: int
    classes: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    pool: Pool
    dropout: float
    segment: int

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "ModelSettings":
        """What `to_json` gave, every field checked.

        Raises:
            ModelError: a field is missing, unknown, or has no meaning.
        """
        if not isinstance(data, dict) or data.keys() != {f.name for f in fields(ModelSettings)}:
            raise ModelError(
                "the saved settings are damaged: fields are missing or unknown", hint="fit and save it again"
            )
        counts = ("features", "classes", "hidden_size", "num_layers", "segment")
        fits = {name: type(data[name]) is int and data[name] >= 1 for name in counts}
        fits["bidirectional"] = type(data["bidirectional"]) is bool
        fits["pool"] = data["pool"] in get_args(Pool)
        fits["dropout"] = type(data["dropout"]) in (float, int) and 0 <= data["dropout"] < 1
        for name, right in fits.items():
            if not right:
                raise ModelError(
                    f"the saved settings are damaged: {name} is {data[name]!r}", hint="fit and save it again"
                )
        return ModelSettings(**data)


@final
class ClassificationModel(nn.Module):
    """Sequences [B, T, I] → logits [B, O].

    Args:
        settings: the form.
        cell: of the recurrence.
    """

    def __init__(self, settings: ModelSettings, cell: Cell) -> None:
        super().__init__()
        self.segment = settings.segment
        recurrent = Recurrent(
            cell,
            settings.features * settings.segment,
            settings.hidden_size,
            settings.num_layers,
            dropout=settings.dropout,
            bidirectional=settings.bidirectional,
        )
        self.network = ManyToOne(recurrent, settings.classes, settings.pool, dropout=settings.dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Logits [B, O] of sequences [B, T, I] float32 that are zero beyond their lengths [B]."""
        if self.segment > 1:
            x, lengths = segmented(x, lengths, self.segment)
        return self.network(x, lengths)

    def diagram(self) -> Diagram:
        """How it is drawn."""
        return self.network.diagram()


def segmented(x: Tensor, lengths: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """[B, ⌈T/k⌉, k·I] and [B]: k steps side by side; the last ones of a sequence are filled up with zeros."""
    batch, length, features = x.shape
    count = math.ceil(length / steps)
    x = functional.pad(x, (0, 0, 0, count * steps - length))
    return x.reshape(batch, count, steps * features), (lengths + steps - 1) // steps
