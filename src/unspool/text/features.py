"""What a unit might keep track of: properties of each place in a text that its past alone decides.

After Karpathy, Johnson & Fei-Fei 2015, arXiv:1506.02078, section 4.2: cells that follow quotes, the length of a line,
the depth of an indentation, an open bracket.
"""

from collections.abc import Callable

import numpy as np

OPENING, CLOSING = "([{", ")]}"
TAB = 4
"""Columns that a tab is taken for."""
LONGEST_QUOTE = 1000
"""Characters after which an open quote is taken for a stray one."""

Feature = Callable[[str], np.ndarray]
"""A text of n characters → [n] float64, at place t from the characters 0 … t."""


def inside_quotes(text: str) -> np.ndarray:
    """1 from an opening double quote to before its closing one; quotes end with a paragraph at the latest."""
    values, since, previous = np.zeros(len(text)), -1, ""
    for t, c in enumerate(text):
        if c in "“«" or (c == '"' and since < 0):
            since = t
        elif c in '”»"' or (c == "\n" and previous == "\n") or (since >= 0 and t - since > LONGEST_QUOTE):
            since = -1
        values[t], previous = since >= 0, c
    return values


def inside_brackets(text: str) -> np.ndarray:
    """How many brackets are open; a line that begins at the margin after an empty one begins at none."""
    values, depth, previous = np.zeros(len(text)), 0, ""
    for t, c in enumerate(text):
        if c in OPENING:
            depth += 1
        elif c in CLOSING:
            depth = max(0, depth - 1)
        elif c == "\n" and previous == "\n":
            depth = 0
        values[t], previous = depth, c
    return values


def column(text: str) -> np.ndarray:
    """Characters since the start of the line."""
    return _since(text, lambda c: c == "\n")


def indentation(text: str) -> np.ndarray:
    """Columns of white space that the line began with, so far as it has been read."""
    values, depth, leading = np.zeros(len(text)), 0, True
    for t, c in enumerate(text):
        if c == "\n":
            depth, leading = 0, True
        elif leading and c in " \t":
            depth += TAB if c == "\t" else 1
        else:
            leading = False
        values[t] = depth
    return values


def in_word(text: str) -> np.ndarray:
    """1 on letters and digits."""
    return np.array([float(c.isalnum()) for c in text])


def place_in_word(text: str) -> np.ndarray:
    """Letters of the word so far; 0 between words."""
    return _since(text, lambda c: not c.isalnum())


def in_capitals(text: str) -> np.ndarray:
    """1 from the second capital letter of a word on, to its end."""
    values, run = np.zeros(len(text)), 0
    for t, c in enumerate(text):
        run = run + 1 if c.isupper() else 0 if not c.isalnum() else run if run > 1 else 0
        values[t] = run > 1
    return values


def in_number(text: str) -> np.ndarray:
    """1 on digits."""
    return np.array([float(c.isdigit()) for c in text])


def since_sentence(text: str) -> np.ndarray:
    """Characters since a full stop, question mark or exclamation mark."""
    return _since(text, lambda c: c in ".?!")


def new_line(text: str) -> np.ndarray:
    """1 on the end of a line."""
    return np.array([float(c == "\n") for c in text])


def first_line(text: str) -> np.ndarray:
    """1 in the first line after an empty one: a speaker's name, a heading, a paragraph's beginning."""
    values, empty, first = np.zeros(len(text)), True, True
    for t, c in enumerate(text):
        if c == "\n":
            first, empty = empty, True
        else:
            empty = False
        values[t] = first
    return values


FEATURES: dict[str, Feature] = {
    "inside quotes": inside_quotes,
    "depth of brackets": inside_brackets,
    "column in the line": column,
    "indentation": indentation,
    "in a word": in_word,
    "place in the word": place_in_word,
    "in a word of capitals": in_capitals,
    "in a number": in_number,
    "length of the sentence so far": since_sentence,
    "end of a line": new_line,
    "first line after an empty one": first_line,
}


def _since(text: str, starts: Callable[[str], bool]) -> np.ndarray:
    values, count = np.zeros(len(text)), 0
    for t, c in enumerate(text):
        count = 0 if starts(c) else count + 1
        values[t] = count
    return values
