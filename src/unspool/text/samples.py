"""What a model writes at several moments of its training."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

from torch import nn

from unspool.text.network import TextNetwork
from unspool.text.sampling import SampleOptions, Writer
from unspool.text.vocabulary import Vocabulary
from unspool.train import Epoch, Fitted

LENGTH = 240
TEMPERATURE = 0.8


@dataclass(frozen=True)
class Sample:
    """A text that was written after a validation.

    Attributes:
        epoch: number of the validation, from 1.
        valid_loss: nats per symbol then.
        text: at temperature 0.8, always with the same random numbers.
    """

    epoch: int
    valid_loss: float
    text: str


@final
class SampleTaker:
    """A callback of `fit` that lets the network write a little after each validation."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.samples: list[Sample] = []

    def on_start(self, title: str, steps: int) -> None:
        """Nothing."""

    def on_step(self, step: int, loss: float) -> None:
        """Nothing."""

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Write."""
        assert isinstance(module, TextNetwork)
        options = SampleOptions(length=LENGTH, temperature=TEMPERATURE)
        text = "".join(piece for (piece,) in Writer(module, self._vocabulary, options))
        self.samples = [s for s in self.samples if s.epoch < epoch.number]
        self.samples.append(Sample(epoch.number, epoch.valid_loss, text))

    def on_end(self, fitted: Fitted) -> None:
        """Nothing."""

    def to_json(self) -> list[dict[str, Any]]:
        """For a checkpoint."""
        return [asdict(s) for s in self.samples]

    def take_up(self, samples: Sequence[dict[str, Any]]) -> None:
        """Those of a run that goes on."""
        self.samples = [Sample(**s) for s in samples]
