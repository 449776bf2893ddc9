"""A language model of characters or bytes, from Python: train, write, score, save, load."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, final

import torch
from torch import Tensor

from unspool.errors import DataError, ModelError
from unspool.lang import Cell
from unspool.text.corpus import make_corpus
from unspool.text.fitting import FittedText, fit_text
from unspool.text.generation import Position
from unspool.text.options import make_options
from unspool.text.reading import read_pieces, read_text
from unspool.text.sampling import SampleOptions, Writer
from unspool.text.saving import load_model, save_model
from unspool.text.scoring import CHUNK, Line, LineByLine, Score, surprises
from unspool.train import Callback, Checkpoint

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@final
class TextModel:
    """A recurrent language model: it reads a text symbol by symbol and says what comes next.

    Args:
        cell: a cell, a built-in one's name, or "FILE.py:NAME".
        options: the fields of `TextOptions` and `TrainSettings`, by name: level, hidden_size, passes, learning_rate …

    Raises:
        SettingError, CellError: an option has no meaning.

    Attributes:
        fitted_: after `train` or `load`: network, vocabulary, losses, samples.

    Example:
        >>> model = TextModel(hidden_size=16, num_layers=1, steps=20, chunk=8, validations=1)
        >>> _ = model.train("the cat sat on the mat\\n" * 40)
        >>> len(model.sample("the ", length=10))
        10
        >>> model.score("the mat sat on the cat\\n").symbols
        23
    """

    def __init__(self, cell: Cell | str = "lstm", **options: Any) -> None:
        self.options = make_options(cell=cell, **options)
        self._fitted: FittedText | None = None

    @property
    def fitted_(self) -> FittedText:
        """The trained model.

        Raises:
            ModelError: there is none yet.
        """
        if self._fitted is None:
            raise ModelError("the model is not trained", hint="call train(text) first, or TextModel.load(folder)")
        return self._fitted

    def train(
        self,
        text: str | bytes,
        callbacks: Sequence[Callback] = (),
        *,
        checkpoint: Checkpoint | None = None,
        fabric: "Fabric | None" = None,
    ) -> Self:
        """Learn a text; bytes are taken at level "byte", and decoded as UTF-8 at level "char". See `train.fit`.

        Raises:
            DataError: it is empty, of one symbol only, shorter than a chunk, or no UTF-8.
        """
        if self.options.level == "byte":
            given: str | bytes = text.encode() if isinstance(text, str) else text
        else:
            given = _decoded(text) if isinstance(text, bytes) else text
        options = self.options
        corpus = make_corpus(given, min_count=options.min_count, validation=options.validation, chunk=options.chunk)
        self._fitted = fit_text(corpus, options, callbacks, checkpoint, fabric)
        return self

    def train_file(
        self,
        path: str | PathLike[str],
        callbacks: Sequence[Callback] = (),
        *,
        checkpoint: Checkpoint | None = None,
        fabric: "Fabric | None" = None,
    ) -> Self:
        """`train` on a file."""
        return self.train(read_text(path, self.options.level), callbacks, checkpoint=checkpoint, fabric=fabric)

    def sample(self, prompt: str = "", **options: Any) -> str:
        """A text that goes on from the prompt; `options` are those of `SampleOptions`."""
        return self.samples(prompt, **options)[0]

    def samples(self, prompt: str = "", **options: Any) -> list[str]:
        """As many as `count` says, side by side."""
        pieces = list(self.writer(prompt, **options))
        return ["".join(parts) for parts in zip(*pieces, strict=True)] or [""] * options.get("count", 1)

    def writer(self, prompt: str = "", *, position: Position | None = None, **options: Any) -> Writer:
        """The same piece by piece, as it comes, and from any position; see `Writer`."""
        fitted = self.fitted_
        return Writer(fitted.network, fitted.vocabulary, SampleOptions(**options), prompt, position)

    def score(self, text: str | bytes) -> Score:
        """How surprised the model is by a text: exact.

        Raises:
            DataError: it is empty, or has characters that the model has never seen.
        """
        if isinstance(text, bytes) and self.fitted_.vocabulary.level == "char":
            text = _decoded(text)
        return self._score([text], None)

    def score_file(self, path: str | PathLike[str], on_line: Callable[[Line], None] | None = None) -> Score:
        """The same of a file of any size, in constant memory; `on_line` is told of each line as it is done."""
        return self._score(read_pieces(path, self.fitted_.vocabulary.level), on_line)

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write the trained model to a new folder.

        Raises:
            OutputError: the folder exists, or cannot be written.
        """
        save_model(path, self.fitted_, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "TextModel":
        """The model that `save`, or `unspool text train`, wrote.

        Raises:
            ModelError: it is missing, incomplete, damaged, of another kind, or of a newer version.
        """
        fitted = load_model(path)
        model = cls()
        model.options, model._fitted = fitted.options, fitted
        return model

    def _score(self, pieces: Iterable[str | bytes], on_line: Callable[[Line], None] | None) -> Score:
        network, vocabulary = self.fitted_.network, self.fitted_.vocabulary
        lines = LineByLine(vocabulary)

        def symbols() -> Iterator[Tensor]:
            line = 1
            for piece in pieces:
                yield torch.from_numpy(vocabulary.encode(piece, line=line))
                line += piece.count("\n") if isinstance(piece, str) else 0

        chunk = max(256, min(CHUNK, (1 << 23) // network.symbols))
        for found, nats in surprises(network, symbols(), chunk=chunk):
            for line in lines.add(found, nats):
                if on_line is not None:
                    on_line(line)
        for line in lines.end():
            if on_line is not None:
                on_line(line)
        return lines.score


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"the text is not UTF-8: byte 0x{text[error.start]:02x} at offset {error.start}", hint="level='byte'"
        ) from None
