"""What the page about a language model is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from unspool.text import FittedText, Tracking


@dataclass(frozen=True)
class TextReport:
    """One trained model, as its page shows it.

    Attributes:
        title: the heading, in the user's words.
        model: the trained model, with its losses and samples.
        units: what its units follow, on text that it was not trained on.
        untrained: the same of a network of this form with its first random weights.
        command: the command line (or the Python call) that makes this page again.
        settings: option → value, in the order to print them.
        versions: program → version.
    """

    title: str
    model: FittedText
    units: Sequence[Tracking] = ()
    untrained: Sequence[Tracking] = ()
    command: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
