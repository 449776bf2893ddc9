"""What a docstring says besides its equations, in parts."""

import pytest

from tests.lang.mgu_page import mgu
from unspool.cells import built_in
from unspool.lang import Cell, Input, Matrix, State, cell, tanh
from unspool.lang.prose import Prose, prose_of

PAGES = list(built_in().values())


def page(words: str) -> Cell:
    return Cell("own", mgu.graph, f'"""{words}"""\n\n@cell\ndef own():\n    return 0\n')


def test_the_parts_of_a_page():
    prose = prose_of(built_in()["gru"])
    assert prose.title == "Gated recurrent unit (GRU), reset-after form"
    assert prose.equations[-1] == "h' = (1 − z) ∘ n + z ∘ h"
    assert prose.paper == "Cho et al. 2014, arXiv:1406.1078v1."
    assert (prose.cite, prose.year, prose.arxiv) == ("Cho et al. 2014", 2014, "1406.1078v1")
    assert prose.equals.startswith("Equals torch.nn.GRU, cuDNN")
    assert prose.equals.endswith("resets h before the product.")
    assert prose.state == "one vector [H]."
    assert prose.choose == "Choose it when memory is tight; an LSTM counts better."


@pytest.mark.parametrize("own", PAGES, ids=lambda c: c.name)
def test_every_page_has_them(own: Cell):
    prose = prose_of(own)
    assert all(getattr(prose, part) for part in ("title", "equations", "paper", "cite", "equals", "state", "choose"))
    assert prose.year is not None
    assert prose.cite.endswith(str(prose.year))
    assert prose.choose.startswith("Choose it")
    assert "Choose it" not in prose.equals + prose.state + prose.start
    assert "\n" not in prose.paper + prose.equals + prose.state + prose.start + prose.choose


@pytest.mark.parametrize("own", PAGES, ids=lambda c: c.name)
def test_no_word_is_lost(own: Cell):
    prose = prose_of(own)
    said = own.page.split('"""')[1].split("\n\n", 2)[2]
    parts = (prose.paper, prose.equals, "State:", prose.state, prose.start, prose.choose)
    assert sorted(said.split()) == sorted(" ".join(parts).split())


@pytest.mark.parametrize(
    ("paper", "cite", "year"),
    [
        ("Rusch, Mishra, Erichson & Mahoney 2022, arXiv:2110.04744, eq. 3.", "Rusch et al. 2022", 2022),
        ("Lezcano-Casado & Martínez-Rubio 2019.", "Lezcano-Casado et al. 2019", 2019),
        ("Hochreiter & Schmidhuber 1997.", "Hochreiter & Schmidhuber 1997", 1997),
        ("Laurent & von Brecht 2016.", "Laurent & von Brecht 2016", 2016),
        ("The recurrence of the kind in Hamilton 1994, ch. 13, and of Elman 1990.", "Hamilton 1994", 1994),
        ("A report of the year 1986.", "", 1986),
        ("Folklore.", "", None),
    ],
)
def test_the_work_in_short(paper: str, cite: str, year: int | None):
    prose = prose_of(page(f"Own.\n\n    h' = x\n\n{paper} Equals nothing. State: h.\nChoose it never."))
    assert (prose.paper, prose.cite, prose.year) == (paper, cite, year)


def test_a_docstring_of_another_form_is_read_as_far_as_it_goes():
    assert prose_of(page("Own.")) == Prose(title="Own")
    assert prose_of(page("Own.\n\nOf my making. State: two\nvectors.")) == Prose(
        title="Own", paper="Of my making.", state="two vectors."
    )


def test_the_functions_own_docstring_goes_first():
    @cell
    def inner(x: Input, h: State, *, W: Matrix[Input]) -> State:
        """Inner.

        h' = tanh(W x)
        """
        return tanh(W @ x) + h

    assert prose_of(inner).title == "Inner"


def test_a_cell_without_a_page_says_nothing():
    assert prose_of(Cell.from_graph(mgu.graph)) == Prose()
