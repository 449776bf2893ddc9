"""Units that follow something: features are what they say, and a planted unit is found."""

import numpy as np
import pytest
import torch

from unspool.cells import find_cell
from unspool.text.features import FEATURES
from unspool.text.network import TextNetwork
from unspool.text.units import Unit, track_units, trajectories
from unspool.text.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("inside quotes", 'a "bc" d', "00111000"),
        ("inside quotes", "«a» “b”", "1100110"),
        ("inside quotes", 'a "b\n\nc', "0011100"),
        ("depth of brackets", "a(b[c])d)", "011221000"),
        ("column in the line", "ab\nc", "1201"),
        ("indentation", "a\n  b c\n\td", "0012222044"),
        ("in a word", "ab, 1", "11001"),
        ("place in the word", "abc de", "123012"),
        ("in a word of capitals", "Ab ABc D", "00001100"),
        ("in a number", "a12 b", "01100"),
        ("length of the sentence so far", "ab. c?d", "1201201"),
        ("end of a line", "a\n\n", "011"),
        ("first line after an empty one", "a\nb\n\nc\nd", "10001100"),
    ],
)
def test_features_are_what_they_say(name: str, text: str, values: str):
    assert "".join(str(int(v)) for v in FEATURES[name](text)) == values


@pytest.mark.parametrize("name", FEATURES)
def test_features_look_at_the_past_only(name: str):
    text = 'He said: "NO (it\n  is 12)."\n\n\tThe END. Of "it".\n'
    whole = FEATURES[name](text)
    for end in range(1, len(text)):
        np.testing.assert_array_equal(FEATURES[name](text[:end]), whole[:end])


def quoting(symbols: str, layers: int) -> TextNetwork:
    """A network whose unit 2 of the last layer is +1 inside quotes and −1 outside; the others are noise."""
    torch.manual_seed(0)
    network = TextNetwork(find_cell("elman"), len(symbols), 6, layers).eval()
    with torch.no_grad():
        get = network.recurrent.get_parameter
        first = get("W_l0")
        opens, closes = symbols.index("“"), symbols.index("”")
        unit = 2
        first[unit] = 0
        first[unit, opens], first[unit, closes] = 20, -20
        for layer in range(layers):
            r = get(f"R_l{layer}")
            r[unit] = 0
            r[unit, unit] = 5
            if layer:
                w = get(f"W_l{layer}")
                w[unit] = 0
                w[unit, unit] = 20
    return network


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("level", ["char", "byte"])
def test_a_planted_unit_is_found_and_holds(layers: int, level: str):
    rng = np.random.default_rng(0)
    text, open_ = "", False
    while len(text) < 4000:
        text += "".join(rng.choice(list("abcd "), rng.integers(5, 40))) + ("”" if open_ else "“")
        open_ = not open_
    vocabulary = Vocabulary.of(text)
    network = quoting(vocabulary.characters, layers)
    if level == "byte":
        # The third byte tells the quotes apart; the planted unit sees it only.
        vocabulary = Vocabulary("byte", "")
        last = {"“": "“".encode()[-1], "”": "”".encode()[-1]}
        symbols = [chr(k) for k in range(256)]
        symbols[last["“"]], symbols[last["”"]] = "“", "”"
        network = quoting("".join(symbols), layers)
    found = track_units(network, vocabulary, torch.from_numpy(vocabulary.encode(text)))
    best = next(t for t in found if t.feature == "inside quotes")
    assert (best.unit.index, best.unit.state, best.magnitude) == (2, "h", False)
    assert best.picked > 0.99
    assert best.held > 0.99
    assert best.tracks
    assert best.chance < 0.6
    assert len(best.text) == len(best.values) == len(best.wanted)
    assert str(Unit(2, "h", 3)) == "h[3] of layer 2"


def test_trajectories_end_in_the_final_states():
    torch.manual_seed(0)
    network = TextNetwork(find_cell("lstm"), 5, 4, 2).eval()
    tokens = torch.randint(5, (30,))
    with torch.no_grad():
        _, (h, c) = network(tokens[None])
        found = {(layer, state): values for layer, state, values in trajectories(network, tokens)}
        _, (h_early, _) = network(tokens[None, :11])
    for layer in (1, 2):
        torch.testing.assert_close(found[layer, "h"][-1], h[layer - 1, 0])
        torch.testing.assert_close(found[layer, "c"][-1], c[layer - 1, 0])
        torch.testing.assert_close(found[layer, "h"][10], h_early[layer - 1, 0])


def test_noise_tracks_nothing():
    """A network that reads none of its input: what its units do has nothing to do with the text."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ab ()\n"), 3000))
    vocabulary = Vocabulary.of(text)
    network = TextNetwork(find_cell("elman"), len(vocabulary), 8).eval()
    with torch.no_grad():
        network.recurrent.get_parameter("W_l0").zero_()
        network.recurrent.get_parameter("R_l0").mul_(12)  # chaotic
    found = track_units(network, vocabulary, torch.from_numpy(vocabulary.encode(text)))
    assert found
    assert not any(t.tracks for t in found)


def test_a_short_text_has_nothing_to_show():
    vocabulary = Vocabulary.of("abc")
    network = TextNetwork(find_cell("elman"), 3, 4).eval()
    assert track_units(network, vocabulary, torch.tensor([0, 1, 2])) == []
