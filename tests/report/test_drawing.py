"""A drawing shows what the module does: so many steps, so many layers, these arrows and no others."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.classify.samples import easy
from tests.kinds import KINDS
from tests.text.corpora import trained
from torch import nn

from unspool.classify import SequenceClassifier
from unspool.errors import ModelError, SettingError
from unspool.nn import Recurrent
from unspool.nn.setups import SETUPS, Diagram, EncoderDecoder, FedBack, ManyToMany, small_setup
from unspool.report.drawing import draw
from unspool.report.drawing.saved import saved_network
from unspool.report.palette import MODEL_COLOUR, ORANGE

SVG = "{http://www.w3.org/2000/svg}"


def parts(module: nn.Module) -> tuple[list[str], int, int]:
    """Labels; arrows through time or of states; arrows of what is fed back."""
    tree = ElementTree.fromstring(draw(module))
    labels = ["".join(t.itertext()) for t in tree.iter(f"{SVG}text")]
    strokes = [p.get("stroke") for p in tree.iter(f"{SVG}path") if p.get("marker-end")]
    return labels, strokes.count(MODEL_COLOUR), strokes.count(ORANGE)


@pytest.mark.parametrize("name", SETUPS)
def test_every_setup_is_a_drawing_by_itself(name: str):
    svg = draw(small_setup(name, "lstm"))
    tree = ElementTree.fromstring(svg)
    assert tree.find(f"{SVG}title") is not None
    assert not re.search(r"href|url\((?!#)|<script|NaN|inf", svg)
    left, top, width, height = map(float, tree.attrib["viewBox"].split())
    for shape in tree.iter(f"{SVG}circle"):
        x, y, r = (float(shape.attrib[k]) for k in ("cx", "cy", "r"))
        assert left <= x - r < x + r <= left + width
        assert top <= y - r < y + r <= top + height
    assert draw(small_setup(name, "lstm")) == svg


@pytest.mark.parametrize("cell_name", KINDS)
def test_every_cell_by_its_name(cell_name: str):
    labels, _, _ = parts(small_setup("many-to-many", cell_name))
    assert labels.count(cell_name) == 1 + 4


def test_one_step_has_no_loop():
    labels, through_time, fed = parts(small_setup("one-to-one"))
    assert (through_time, fed) == (0, 0)
    assert sorted(labels) == ["compressed", "elman", "elman", "unrolled", "x1", "xt", "y1", "yt"]


def test_layers_and_directions():
    _, one, _ = parts(small_setup("many-to-many"))
    assert one == 1 + 3
    _, three, _ = parts(small_setup("many-to-many", layers=3))
    assert three == 3 * one
    labels, both, _ = parts(small_setup("many-to-many", layers=2, bidirectional=True))
    assert both == 2 * 2 * one
    assert labels.count("← elman") == labels.count("→ elman") == 2 * 5


def test_what_is_fed_back():
    _, _, fed = parts(small_setup("fed-back"))
    assert fed == 1 + 3
    labels, _, fed = parts(small_setup("many-to-one"))
    assert fed == 0
    assert [t for t in labels if t.startswith("y")] == ["y", "y"]
    labels, _, _ = parts(FedBack(Recurrent("gru", 2, 3), 2))
    assert not [t for t in labels if t.startswith("x")]


def test_an_encoder_and_its_decoder():
    model = EncoderDecoder(Recurrent("gru", 3, 4), FedBack(Recurrent("lstm", 2, 4), 2))
    labels, through_time, fed = parts(model)
    assert (labels.count("gru"), labels.count("lstm")) == (4, 4)
    assert (through_time, fed) == (2 + 1 + 5, 1 + 2)


def test_a_module_says_how_it_is_drawn():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = ManyToMany(Recurrent("gru", 2, 3), 1)

        def diagram(self) -> Diagram:
            return Diagram("my own", self.inside.recurrent, steps=6)

    assert parts(Own())[0].count("gru") == 1 + 6
    assert parts(Recurrent("gru", 2, 3))[0].count("gru") == 1 + 4
    with pytest.raises(SettingError, match="Linear does not say how it is drawn"):
        draw(nn.Linear(1, 1))


def test_names_are_escaped():
    class Odd(nn.Module):
        def diagram(self) -> Diagram:
            return Diagram("<b> & co", Recurrent("gru", 2, 3))

    assert "&lt;b&gt; &amp; co" in draw(Odd())


def test_what_the_commands_save_can_be_drawn(tmp_path: Path):
    trained(steps=4).save(tmp_path / "text")
    labels, _, _ = parts(saved_network(tmp_path / "text"))
    assert labels.count("lstm") == 2 * (1 + 4)
    train = easy(4)
    options = {"hidden_size": 4, "steps": 4, "members": 1, "pool": "mean", "cell": "gru", "bidirectional": True}
    SequenceClassifier(**options).fit(train.values, train.labels).save(tmp_path / "labels")
    labels, _, _ = parts(saved_network(tmp_path / "labels"))
    assert "all t" in labels
    assert labels.count("← gru") == 1 + 4
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "model.json").write_text('{"kind": "unspool text state"}')
    with pytest.raises(ModelError, match="a saved unspool text state"):
        saved_network(tmp_path / "odd")
