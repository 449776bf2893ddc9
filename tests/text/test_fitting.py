"""Training: it learns, validates exactly, and goes on after an interruption as if there had been none."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.text.corpora import SMALL, WORDS, trained
from unspool.cells import find_cell
from unspool.errors import ModelError, SettingError
from unspool.text import TextModel, untrained
from unspool.text.corpus import make_corpus
from unspool.text.fitting import TextLoss
from unspool.text.network import TextNetwork
from unspool.text.options import make_options, train_settings
from unspool.text.samples import SampleTaker
from unspool.train import Checkpoint, Stream, parallel_rows


def test_it_learns_what_can_be_predicted():
    model = trained()
    guess = math.log(len(model.fitted_.vocabulary))
    assert model.fitted_.valid_nats < 0.5 * guess


def test_chunks_share_their_state_but_not_their_gradients():
    """The losses of the chunks of a stream are those of the whole text; the gradient is that of the last alone."""
    corpus = make_corpus(WORDS * 5, min_count=1, validation=0.1, chunk=8)
    torch.manual_seed(0)
    network = TextNetwork(find_cell("lstm"), len(corpus.vocabulary), 6).double()
    rows = parallel_rows(corpus.train, 2)
    stream, loss = Stream(rows, 8), TextLoss(SampleTaker(corpus.vocabulary), corpus)
    losses = [loss(network, next(stream)) for _ in range(3)]
    logits, _ = network(rows[:, :24].long())
    each = cross_entropy(logits.flatten(0, 1), rows[:, 1:25].flatten().long(), reduction="none").view(2, 24)
    torch.testing.assert_close(torch.stack(losses), each.view(2, 3, 8).mean((0, 2)))
    weights = list(network.parameters())
    _, states = network(rows[:, :16].long())
    logits, _ = network(rows[:, 16:24].long(), tuple(s.detach() for s in states))
    alone = cross_entropy(logits.flatten(0, 1), rows[:, 17:25].flatten().long())
    torch.testing.assert_close(torch.autograd.grad(losses[-1], weights), torch.autograd.grad(alone, weights))


def test_the_validation_loss_is_the_score_of_the_part_held_back():
    model = trained()
    fitted = model.fitted_
    text = WORDS * 40
    held = text[-fitted.symbols[1] :]
    before = text[-fitted.symbols[1] - 1 : -fitted.symbols[1]]
    score = model.score(before + held)
    assert fitted.valid_nats * len(held) == pytest.approx(score.nats - math.log(len(fitted.vocabulary)), rel=1e-5)


def test_a_sample_is_taken_at_every_validation():
    fitted = trained().fitted_
    assert [s.epoch for s in fitted.samples] == [e.number for e in fitted.epochs]
    assert all(s.valid_loss == e.valid_loss for s, e in zip(fitted.samples, fitted.epochs, strict=True))
    assert all(len(s.text) == 240 for s in fitted.samples)


def test_the_same_seed_gives_the_same_model_and_leaves_the_generator_alone():
    state = torch.get_rng_state()
    one, two = (TextModel(**SMALL, steps=8, dropout=0.2, seed=3).train(WORDS * 20) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(one.fitted_.network.parameters(), two.fitted_.network.parameters(), strict=True):
        assert torch.equal(a, b)
    first = untrained(one.fitted_)
    assert not torch.equal(first.readout.weight, one.fitted_.network.readout.weight)


class Interrupt:
    """A callback that ends the process, in a way."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_start(self, title: str, steps: int) -> None: ...
    def on_epoch(self, module: object, epoch: object) -> None: ...
    def on_end(self, fitted: object) -> None: ...

    def on_step(self, step: int, loss: float) -> None:
        if step == self.at:
            raise RuntimeError("killed")


def test_a_killed_fit_goes_on_and_ends_with_the_same_bytes(tmp_path: Path):
    options: dict[str, Any] = SMALL | {"steps": 24, "dropout": 0.1, "validations": 4}
    whole = TextModel(**options).train(WORDS * 20)
    checkpoint = Checkpoint(tmp_path / "kept", every=5)
    with pytest.raises(RuntimeError, match="killed"):
        TextModel(**options).train(WORDS * 20, [Interrupt(17)], checkpoint=checkpoint)
    resumed = TextModel(**options).train(WORDS * 20, checkpoint=checkpoint)
    for a, b in zip(whole.fitted_.network.parameters(), resumed.fitted_.network.parameters(), strict=True):
        assert torch.equal(a, b)
    assert resumed.fitted_.samples == whole.fitted_.samples
    with pytest.raises(ModelError, match="another text"):
        TextModel(**options).train(WORDS[::-1] * 20, checkpoint=checkpoint)


def test_a_short_text_is_passed_more_often_and_in_fewer_streams():
    long = train_settings(make_options(passes=2), 10_000_000)
    short = train_settings(make_options(passes=2), 5_000)
    assert long.steps == pytest.approx(2 * 10_000_000 / (32 * 64), rel=0.01)
    assert short.steps == 1500
    assert long.steps % long.validations == 0
    assert train_settings(make_options(steps=7), 5_000).steps == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"level": "word"}, "unknown level 'word'"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"chunk": 0}, "chunk is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"embedding": -1}, "embedding is -1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"validation": 0.0}, "validation is 0.0"),
        ({"passes": float("nan")}, "passes is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"level": "byte", "min_count": 2}, "min_count is for characters"),
        ({"colour": "red"}, "unknown option 'colour'"),
    ],
)
def test_options_without_a_meaning(options: dict, said: str):
    with pytest.raises(SettingError, match=said):
        TextModel(**options)


def test_an_untrained_model_says_so():
    with pytest.raises(ModelError, match="not trained"):
        TextModel().sample()
