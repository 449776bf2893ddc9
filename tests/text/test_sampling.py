"""Writing: cut, continued or batched, a text is the same text."""

import copy

import numpy as np
import pytest
import torch

from tests.text.corpora import trained
from unspool.errors import DataError, SettingError
from unspool.text import Chooser, begin, generate, generation
from unspool.text.generation import generate_step_by_step, read
from unspool.text.sampling import Decoder, gumbel
from unspool.text.vocabulary import Vocabulary


def test_the_same_seed_gives_the_same_text_and_another_one_another():
    model = trained()
    assert model.sample("the ", length=60) == model.sample("the ", length=60)
    assert model.sample("the ", length=60) != model.sample("the ", length=60, seed=1)


def test_a_continued_text_is_the_whole():
    model = trained()
    whole = model.sample("the cat", length=70)
    writer = model.writer("the cat", length=33)
    first = "".join(piece for (piece,) in writer)
    assert first + model.sample(position=writer.position, length=37) == whole


def test_continued_after_a_stop_string():
    model = trained()
    whole = model.sample(length=200)
    place = whole.index("a", 20)
    stop = whole[place : place + 3]
    writer = model.writer(length=200, stop=(stop,))
    first = "".join(piece for (piece,) in writer)
    assert first == whole[: whole.index(stop)]
    rest = model.sample(position=writer.position, length=200 - len(first) - 3)
    assert first + stop + rest == whole


def test_the_network_is_read_step_by_step():
    """Free running is the network on its own output: one call over the whole text gives the same probabilities."""
    fitted = trained().fitted_
    start = read(fitted.network, begin(fitted.network, fitted.vocabulary), torch.tensor([3, 4, 5]))
    noise = gumbel(np.random.default_rng(0), (40, 1, fitted.network.symbols)).float()
    symbols, _ = generate(fitted.network, start, noise, Chooser(0.7), 99)
    with torch.no_grad():
        logits, _ = fitted.network(torch.cat((start.last[:, None], symbols[:, :-1]), 1), start.states)
    expected = Chooser(0.7)(logits[0], noise[:, 0])
    assert symbols[0].tolist() == expected.tolist()


def test_several_texts_end_on_their_own():
    model = trained()
    texts = model.samples("the ", length=80, count=5, stop=("at",))
    assert len(set(texts)) > 1
    assert all("at" not in t for t in texts)
    assert len({len(t) for t in texts}) > 1


def test_length_0_is_nothing():
    assert trained().sample("the", length=0) == ""
    assert trained().samples(length=0, count=2) == ["", ""]


def test_temperature_0_is_beam_1():
    model = trained()
    assert model.sample("the ", length=50, temperature=0) == model.sample("the ", length=50, beam=1)


def test_bytes_of_a_character_wait_for_each_other():
    decoder = Decoder(Vocabulary("byte", ""))
    given = "é€😀".encode()
    pieces = [decoder.decode([b]) for b in given]
    assert "".join(pieces) == "é€😀"
    assert pieces[:2] == ["", "é"]
    assert decoder.decode(given[:1]) == ""
    assert Decoder(Vocabulary("byte", ""), decoder.pending).decode(given[1:2]) == "é"


def test_pieces_of_a_byte_model_joined_are_its_bytes_decoded():
    model = trained("byte", "жар-птица € " * 60)
    fitted = model.fitted_
    start = read(fitted.network, begin(fitted.network, fitted.vocabulary), torch.tensor(list("жар".encode())))
    noise = gumbel(np.random.default_rng(0), (140, 1, 256))
    symbols, _ = generate(fitted.network, start, noise, Chooser(), 256)
    pieces = [piece for (piece,) in model.writer("жар", length=140)]
    assert len(pieces) > 3
    data = bytes(symbols[0].tolist())
    whole = "".join(pieces)
    assert data.decode("utf-8", "replace").removesuffix("\ufffd").startswith(whole.removesuffix("\ufffd"))
    for length in (1, 2, 3, 31, 32, 33, 34, 63, 64, 65, 66, 100, 139):
        writer = model.writer("жар", length=length)
        first = "".join(piece for (piece,) in writer)
        assert first + model.sample(position=writer.position, length=140 - length) == whole


def test_unseen_symbols_are_never_written():
    model = trained(text="the cat sat on a mat " * 40 + "".join(map(chr, range(1000, 1200))), min_count=2)
    assert "\ufffd" not in model.sample("q", length=200, temperature=5.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": -1}, "length is -1"),
        ({"count": 0}, "count is 0"),
        ({"beam": -2}, "beam is -2"),
        ({"seed": -1}, "seed is -1"),
        ({"stop": ("",)}, "stop string is empty"),
        ({"beam": 2, "top_k": 3}, "a beam search draws nothing"),
        ({"beam": 2, "count": 3}, "a beam search draws nothing"),
        ({"beam": 2, "temperature": 0}, "a beam search draws nothing"),
    ],
)
def test_what_has_no_meaning(options: dict, said: str):
    with pytest.raises(SettingError, match=said):
        trained().sample(**options)


def test_unseen_characters_in_prompt_and_stop():
    with pytest.raises(DataError, match=r"the prompt has a character .* 'é'"):
        trained().sample("thé")
    with pytest.raises(DataError, match=r"the stop string has a character .* 'ß'"):
        trained().sample(stop=("ß",))


@pytest.mark.parametrize("temperature", [0.3, 1.0])
@pytest.mark.parametrize("min_count", [1, 2])
def test_the_compiled_loop_writes_what_single_steps_write(
    temperature: float, min_count: int, monkeypatch: pytest.MonkeyPatch
):
    """In float64, where no rounding decides between two symbols."""
    model = trained(text="the cat sat on a mat " * 40 + "".join(map(chr, range(1000, 1010))), min_count=min_count)
    fitted = model.fitted_
    network = copy.deepcopy(fitted.network).double()
    start = begin(network, fitted.vocabulary, 3)
    noise = gumbel(np.random.default_rng(1), (50, 3, network.symbols))
    chooser, drawable = Chooser(temperature), fitted.vocabulary.drawable
    other, stood = generate_step_by_step(network, start, noise, chooser, drawable)
    monkeypatch.setattr(generation, "generate_step_by_step", None)  # so that it cannot stand in for the loop
    one, after = generate(network, start, noise, chooser, drawable)
    assert torch.equal(one, other)
    assert torch.equal(after.last, stood.last)
    assert after.drawn == stood.drawn == 50
    for a, b in zip(after.states, stood.states, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    assert one.unique().numel() > 3
