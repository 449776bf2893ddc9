"""Sequences in, labels out."""

from unspool.classify.classifier import SequenceClassifier
from unspool.classify.job import Run, run_job
from unspool.classify.options import Options
from unspool.classify.reading.file import read_sequences
from unspool.classify.sequences import Columns, Sequences

__all__ = ["Columns", "Options", "Run", "SequenceClassifier", "Sequences", "read_sequences", "run_job"]
