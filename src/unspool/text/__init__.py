"""Symbols in, text out: language models of characters and bytes."""

from unspool.text.chooser import Chooser
from unspool.text.continuation import load_position, save_position
from unspool.text.fitting import FittedText, fit_text, untrained
from unspool.text.generation import Position, begin, generate
from unspool.text.model import TextModel
from unspool.text.options import TextOptions
from unspool.text.sampling import SampleOptions, Writer
from unspool.text.scoring import Line, Score
from unspool.text.units import Tracking, track_units
from unspool.text.vocabulary import Vocabulary

__all__ = [
    "Chooser",
    "FittedText",
    "Line",
    "Position",
    "SampleOptions",
    "Score",
    "TextModel",
    "TextOptions",
    "Tracking",
    "Vocabulary",
    "Writer",
    "begin",
    "fit_text",
    "generate",
    "load_position",
    "save_position",
    "track_units",
    "untrained",
]
