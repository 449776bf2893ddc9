"""`SequenceClassifier`: fit, predict, predict_proba, save and load, in the manner of scikit-learn."""

import inspect
from collections.abc import Sequence
from os import PathLike
from typing import Any, final

import numpy as np

from unspool.classify.choice import choose
from unspool.classify.fitting import FittedModel
from unspool.classify.options import Options, candidates, check_options
from unspool.classify.saving import load_model, save_model
from unspool.classify.sequences import Columns, Sequences, check_classes, check_values
from unspool.errors import DataError, ModelError, SettingError
from unspool.lang import Cell
from unspool.train import Callback


@final
class SequenceClassifier:
    """A recurrent network that tells classes of sequences apart; see `Options` for its arguments.

    The constructor only stores; what is learned ends in an underscore: `classes_` [O], an array of the labels as they
    were given, `model_`, and `choice_`, what was tried.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sequences = [rng.normal(k % 2, 1, (rng.integers(5, 9), 3)) for k in range(40)]
        >>> labels = ["low" if k % 2 == 0 else "high" for k in range(40)]
        >>> classifier = SequenceClassifier(pool="mean", hidden_size=8, members=2, steps=40).fit(sequences, labels)
        >>> str(classifier.predict([np.full((6, 3), 1.5)])[0])
        'high'
    """

    def __init__(
        self,
        cell: Cell | str = "gru",
        pool: str = Options.pool,
        *,
        hidden_size: int = Options.hidden_size,
        num_layers: int = Options.num_layers,
        bidirectional: bool = Options.bidirectional,
        dropout: float = Options.dropout,
        segment: int | None = None,
        members: int = Options.members,
        steps: int | None = None,
        learning_rate: float = Options.learning_rate,
        batch_size: int = Options.batch_size,
        label_smoothing: float = Options.label_smoothing,
        noise: float = Options.noise,
        class_weight: str | None = None,
        seed: int = 0,
    ) -> None:
        self.cell = cell
        self.pool = pool
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.segment = segment
        self.members = members
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.label_smoothing = label_smoothing
        self.noise = noise
        self.class_weight = class_weight
        self.seed = seed

    @property
    def options(self) -> Options:
        """The settings of the fit, checked.

        Raises:
            SettingError, CellError: one has no meaning.
        """
        return check_options(Options(**self.get_params()))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        del deep
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **params: Any) -> "SequenceClassifier":
        """Change constructor arguments.

        Raises:
            SettingError: there is no such argument.
        """
        for name, value in params.items():
            if name not in _PARAMETERS:
                raise SettingError(
                    f"SequenceClassifier has no parameter '{name}'", hint=f"it has: {', '.join(_PARAMETERS)}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = {n: p.default for n, p in inspect.signature(SequenceClassifier).parameters.items()}
        shown = [f"{n}={v!r}" for n, v in self.get_params().items() if v != defaults[n]]
        return f"SequenceClassifier({', '.join(shown)})"

    def fit(
        self,
        sequences: Sequences | Sequence[Any],
        labels: Sequence[Any] | None = None,
        *,
        callbacks: Sequence[Callback] = (),
    ) -> "SequenceClassifier":
        """Fit to sequences, each an array [T, I] (or [T], of one channel), NaN where missing, and a label for each.

        Args:
            sequences: arrays, or what `read_sequences` gave, which has its labels with it.
            labels: words, numbers or truth values; None where the sequences have theirs.
            callbacks: watch each member's fit.

        Raises:
            DataError, SettingError, CellError: with what failed and how to mend it.
            KeyboardInterrupt: Ctrl-C came before anything was learned.
        """
        options = self.options
        data = as_sequences(sequences, labels)
        check_classes(data)
        model, self.choice_ = choose(data, candidates(options, data), callbacks)
        self._adopt(model, data.columns)
        if labels is not None:
            own = {str(label): label for label in labels}
            self.classes_ = np.array([own[name] for name in self.model_.classes])
        return self

    def predict_proba(self, sequences: Sequences | Sequence[Any]) -> np.ndarray:
        """[N, O] probabilities, float64, in the order of `classes_`.

        Raises:
            ModelError: it is not fitted, or was fitted to other channels.
            DataError: a sequence is not usable.
        """
        if not hasattr(self, "model_"):
            raise ModelError(
                "this classifier is not fitted", hint="call fit(sequences, labels), or SequenceClassifier.load(folder)"
            )
        data = as_sequences(sequences, None)
        check_channels(data, self.model_)
        return self.model_.probabilities(data)

    def predict(self, sequences: Sequences | Sequence[Any]) -> np.ndarray:
        """[N] labels, the most probable of each; raises as `predict_proba` does."""
        probabilities = self.predict_proba(sequences)
        return self.classes_[probabilities.argmax(1)]

    def score(self, sequences: Sequences | Sequence[Any], labels: Sequence[Any] | None = None) -> float:
        """The accuracy."""
        truth = sequences.labels if isinstance(sequences, Sequences) and labels is None else labels
        if truth is None:
            raise DataError("there are no labels to compare with", hint="give a label for each sequence")
        return float(np.mean([str(a) == str(b) for a, b in zip(self.predict(sequences), truth, strict=True)]))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to a new folder: JSON and safetensors.

        Raises:
            ModelError: it is not fitted.
            OutputError: the folder exists or cannot be written.
        """
        if not hasattr(self, "model_"):
            raise ModelError("this classifier is not fitted", hint="call fit(sequences, labels) first")
        save_model(path, self.model_, self.columns_)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "SequenceClassifier":
        """A classifier that predicts with a saved model; its classes are words, whatever they were when it was fitted.

        Raises:
            ModelError: the folder is missing, damaged, of another kind or of a newer version.
        """
        model, columns = load_model(path)
        recipe, settings = model.recipe, model.recipe.model
        self = cls(
            recipe.cell,
            settings.pool,
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            segment=settings.segment,
            members=recipe.members,
            steps=recipe.train.steps,
            learning_rate=recipe.train.learning_rate,
            batch_size=recipe.batch_size,
            label_smoothing=recipe.smoothing,
            noise=recipe.noise,
            class_weight="balanced" if recipe.balanced else None,
            seed=recipe.seed,
        )
        self._adopt(model, columns)
        return self

    def _adopt(self, model: FittedModel, columns: Columns | None) -> None:
        self.model_, self.columns_ = model, columns
        self.classes_ = np.array(model.classes)


def as_sequences(sequences: Sequences | Sequence[Any], labels: Sequence[Any] | None) -> Sequences:
    """Arrays as `Sequences`, checked.

    Raises:
        DataError: an array is not usable, or there are not as many labels as sequences.
    """
    if isinstance(sequences, Sequences):
        return check_values(sequences)
    arrays: list[np.ndarray] = []
    for k, given in enumerate(sequences):
        try:
            values = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise DataError(f"sequence {k + 1} is no array of numbers", hint="each is an array [T, I]") from None
        arrays.append(values[:, None] if values.ndim == 1 else values)
    if labels is not None and len(labels) != len(arrays):
        raise DataError(f"there are {len(arrays)} sequences and {len(labels)} labels", hint="give a label for each")
    width = arrays[0].shape[1] if arrays and arrays[0].ndim == 2 else 1
    return check_values(
        Sequences(
            ids=tuple(str(k + 1) for k in range(len(arrays))),
            values=tuple(arrays),
            labels=None if labels is None else tuple(str(label) for label in labels),
            channels=tuple(str(k + 1) for k in range(width)),
        )
    )


def check_channels(sequences: Sequences, model: FittedModel) -> None:
    """Raises `ModelError` where sequences have not as many channels as the model was fitted to."""
    if len(sequences.channels) != len(model.channels):
        raise ModelError(
            f"{sequences.source} has {len(sequences.channels)} channels; the model was fitted to {len(model.channels)}",
            hint=f"its channels are: {', '.join(model.channels[:30])}",
        )


_PARAMETERS = tuple(inspect.signature(SequenceClassifier).parameters)
