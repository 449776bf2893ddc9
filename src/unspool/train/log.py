"""What a fit reports: its epochs, which one was kept, and why it stopped."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """The stretch of training between two validations.

    Attributes:
        number: 1 for the first.
        train_loss: mean over the batches of the stretch, in the units of the loss.
        valid_loss: after the stretch, on the validation part.
        gradient_norm: mean norm before clipping.
        seconds: since the start of the fit.
    """

    number: int
    train_loss: float
    valid_loss: float
    gradient_norm: float
    seconds: float


@dataclass(frozen=True)
class Update:
    """One optimiser step.

    Attributes:
        step: 1 for the first.
        loss: mean over its batches.
        gradient_norm: before clipping.
        learning_rate: of the first group of parameters, as it was used.
        seconds: since the start of the fit.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """The outcome of a fit. The module holds the weights of epoch `best`; the first ones where that is 0.

    `stopped` is "finished", "early stopping", "interrupted" or "no finite loss"; `notes` are what a person should
    know about the way: where a loss was not finite and why, a checkpoint that could not be written or read.
    """

    epochs: tuple[Epoch, ...]
    best: int
    stopped: str
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def best_loss(self) -> float:
        """Validation loss of the weights kept."""
        return self.epochs[self.best - 1].valid_loss if self.best else float("inf")
