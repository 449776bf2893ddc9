"""What the page about a classifier is made of."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from unspool.classify.job import Run


@dataclass(frozen=True)
class ClassificationReport:
    """One classification job, as its page shows it.

    Attributes:
        title: the heading, in the user's words.
        run: the results.
        command: the command line that makes this page again.
        settings: option → value, in the order to print them.
        versions: program → version.
    """

    title: str
    run: Run
    command: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """[O] names."""
        return self.run.scored.classes

    @cached_property
    def truth(self) -> np.ndarray:
        """[N] numbers of the test sequences' classes."""
        number = {name: k for k, name in enumerate(self.classes)}
        return np.array([number[label] for label in self.run.test.labels or ()])

    @cached_property
    def predicted(self) -> np.ndarray:
        """[N] numbers of the classes that were named."""
        return self.run.probabilities.argmax(1)
