"""A language model from a text: parallel streams, truncated BPTT with the state carried, an exact validation."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unspool.cells import find_cell
from unspool.errors import ModelError
from unspool.lang import Cell
from unspool.nn.stack import States
from unspool.text.corpus import Corpus
from unspool.text.network import TextNetwork
from unspool.text.options import TextOptions, rows_of, train_settings
from unspool.text.samples import Sample, SampleTaker
from unspool.text.scoring import nats_of
from unspool.text.vocabulary import Vocabulary
from unspool.train import Callback, Carried, Checkpoint, Epoch, Fitted, Stream, fit, parallel_rows

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class FittedText:
    """A trained language model.

    Attributes:
        network: in evaluation mode.
        vocabulary: what its symbols are.
        options: as they were given.
        cell: of the network.
        epochs, best, stopped: of the fit, see `Fitted`; losses are nats per symbol.
        samples: what it wrote after each validation.
        symbols: of the parts learned from and held back.
    """

    network: TextNetwork
    vocabulary: Vocabulary
    options: TextOptions
    cell: Cell
    epochs: tuple[Epoch, ...]
    best: int
    stopped: str
    samples: tuple[Sample, ...]
    symbols: tuple[int, int]

    @property
    def valid_nats(self) -> float:
        """Nats per symbol of the part held back, by the weights kept; ∞ where there are none."""
        return self.epochs[self.best - 1].valid_loss if self.best else float("inf")


def fit_text(
    corpus: Corpus,
    options: TextOptions,
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    fabric: "Fabric | None" = None,
) -> FittedText:
    """Train on a corpus, where the fabric says: device, precision.

    Cost: a step runs B · T symbols forwards and backwards; a validation runs the whole part held back, one symbol
    after the other, so that each is predicted from all that came before.
    """
    cell = find_cell(options.cell)
    rows = parallel_rows(corpus.train, rows_of(options, len(corpus.train)))
    taker = SampleTaker(corpus.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = make_network(cell, corpus.vocabulary, options)
        fitted = fit(
            network,
            Stream(rows, options.chunk),
            TextLoss(taker, corpus),
            lambda judged: valid_loss(judged, corpus),
            train_settings(options, len(corpus.train)),
            title=f"{len(corpus.train)} symbols",
            callbacks=[taker, *callbacks],
            checkpoint=checkpoint,
            fabric=fabric,
        )
    network.to("cpu", torch.float32)
    return _outcome(network, corpus, options, cell, fitted, taker)


def valid_loss(network: nn.Module, corpus: Corpus) -> float:
    """Nats per symbol of the part held back, all of it, each symbol once, after everything before it there."""
    assert isinstance(network, TextNetwork)
    return nats_of(network, corpus.valid_input, corpus.valid) / len(corpus.valid)


def make_network(cell: Cell, vocabulary: Vocabulary, options: TextOptions) -> TextNetwork:
    """The network of some options, with weights drawn from torch's generator."""
    return TextNetwork(
        cell,
        len(vocabulary),
        options.hidden_size,
        options.num_layers,
        dropout=options.dropout,
        embedding=options.embedding,
        tied=options.tied,
    )


def untrained(model: FittedText) -> TextNetwork:
    """The network as it was before the first update: what it does is not owed to training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(model.options.seed)
        return make_network(model.cell, model.vocabulary, model.options).eval()


class TextLoss:
    """Mean nats per symbol of a chunk, the states carried from chunk to chunk. It is `train.Resumable`.

    The samples taken so far are part of its state, so that a run taken up again still has them; and a mark of the
    text, so that no run is taken up with another one.
    """

    def __init__(self, taker: SampleTaker, corpus: Corpus) -> None:
        self._carried = Carried(_step)
        self._taker = taker
        self._mark = zlib.crc32(corpus.train.numpy().tobytes())

    def __call__(self, module: nn.Module, batch: Any) -> Tensor:
        """Of a chunk of a stream."""
        return self._carried(module, batch)

    def state_dict(self) -> dict[str, Any]:
        """The states, the samples, and the mark of the text."""
        return {"carried": self._carried.state_dict(), "samples": self._taker.to_json(), "text": self._mark}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where `state` says.

        Raises:
            ModelError: it is that of a fit to another text.
        """
        if state["text"] != self._mark:
            raise ModelError(
                "the checkpoint is of a fit to another text",
                hint="give the text that it was started with, or another folder for this one",
            )
        self._carried.load_state_dict(state["carried"])
        self._taker.take_up(state["samples"])


def _step(module: nn.Module, batch: Any, states: States | None) -> tuple[Tensor, States]:
    device = next(module.parameters()).device
    x, y = batch.x.to(device, torch.int64), batch.y.to(device, torch.int64)
    logits, after = module(x, states)
    return functional.cross_entropy(logits.flatten(0, 1), y.flatten()), after


def _outcome(
    network: TextNetwork, corpus: Corpus, options: TextOptions, cell: Cell, fitted: Fitted, taker: SampleTaker
) -> FittedText:
    return FittedText(
        network.eval(),
        corpus.vocabulary,
        options,
        cell,
        fitted.epochs,
        fitted.best,
        fitted.stopped,
        tuple(taker.samples),
        (len(corpus.train), len(corpus.valid)),
    )
