"""The embedded Reber grammar: strings against an automaton of the test's own, answers against what may follow."""

import re

import numpy as np
import torch

from unspool.tasks import find_task
from unspool.tasks.reber import SYMBOLS, encode, reber_string, strings_of

# The grammar's language, written from its diagram as a regular expression (Reber 1967; Cleeremans et al. 1989):
# T S* X (then as from P's loop, with back-jumps PX from the upper path) …
LOWER = r"T*V(?:PXT*V)*(?:PS|V)"
INNER = rf"B(?:TS*(?:XS|XX{LOWER})|P{LOWER})E"
EMBEDDED = re.compile(rf"B(?:T{INNER}T|P{INNER}P)E")


def accepted(string: str) -> bool:
    return EMBEDDED.fullmatch(string) is not None


def test_known_strings():
    for inner in ("BTXSE", "BPVVE", "BTSSXXTVVE", "BPTVPXVPSE", "BTXXVPXVPXVVE"):
        assert accepted(f"BT{inner}TE"), inner
        assert not accepted(f"BT{inner}PE")
    assert not accepted("BTBTXXSETE")


def test_strings_are_of_the_grammar_and_their_ends_agree():
    strings = [s for part in ("training", "validation", "test") for s in strings_of(3, part)]
    assert all(map(accepted, strings))
    assert all(s[1] == s[-2] for s in strings)
    assert min(map(len, strings)) == 9


def test_every_way_is_as_likely():
    random = torch.Generator().manual_seed(1)
    drawn = [reber_string(random) for _ in range(4000)]
    outer = sum(s[1] == "T" for s in drawn)
    assert abs(outer - 2000) < 4 * 1000**0.5
    shortest = sum(s[2:-2] == "BTXSE" for s in drawn)  # four choices: T, X, S by halves
    assert abs(shortest - 500) < 4 * (4000 * 1 / 8 * 7 / 8) ** 0.5


def test_parts_share_no_string_and_seeds_differ():
    parts = {part: set(strings_of(0, part)) for part in ("training", "validation", "test")}
    assert not parts["training"] & parts["test"]
    assert not parts["validation"] & (parts["training"] | parts["test"])
    assert strings_of(0, "training") == strings_of(0, "training")
    assert strings_of(0, "training") != strings_of(1, "training")
    assert [len(strings_of(0, part)) for part in ("training", "test")] == [256, 256]


def test_what_may_follow_is_what_the_grammar_completes():
    """A symbol is allowed after a prefix when some string of a large sample has it there."""
    random = torch.Generator().manual_seed(2)
    sample = sorted({reber_string(random) for _ in range(6000)})
    follows: dict[str, set[str]] = {}
    for string in sample:
        for end in range(1, len(string)):
            follows.setdefault(string[:end], set()).add(string[end])
    strings = [s for s in sample if len(s) <= 11][:40]
    batch = encode(strings)
    assert batch.allowed is not None
    for row, string in enumerate(strings):
        for step in range(len(string) - 1):
            allowed = {s for s, may in zip(SYMBOLS, batch.allowed[row, step].tolist(), strict=True) if may}
            assert allowed == follows[string[: step + 1]], (string, step)


def test_a_batch_holds_the_strings_of_its_part():
    task = find_task("reber")
    training = set(strings_of(5, "training"))
    for number in (0, 1):
        batch = task.draw(32, seed=5, number=number)
        assert batch.lengths is not None
        for x, y, n in zip(batch.x, batch.y, batch.lengths.tolist(), strict=True):
            symbols = [*x[:n].argmax(-1).tolist(), int(y[n - 1])]
            assert "".join(SYMBOLS[s] for s in symbols) in training
            assert not x[n:].any()
    test = task.draw(512, seed=5, part="test")
    assert len(test.x) == 512  # the training strings, then the test strings


def test_right_means_that_all_that_may_come_are_the_most_active():
    task = find_task("reber")
    batch = encode(["BTBTXSETE"])
    assert batch.allowed is not None
    output = batch.allowed.float()
    assert task.measure.right(output, batch).tolist() == [True]
    output[0, 2] = torch.tensor([0, 1.0, 0.2, 0.3, 0, 0, 0])  # S above P, of which P may come and S may not
    assert task.measure.right(output, batch).tolist() == [False]
    assert np.isclose(float(task.measure.errors(output, batch)), 1)
