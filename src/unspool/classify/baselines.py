"""Simple classifiers that a network has to beat: the commonest class, the nearest neighbour, summary statistics."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unspool.classify.scaling import Scaling
from unspool.classify.sequences import Sequences

MOST_STEPS = 200
"""Steps to which sequences are resampled for the nearest neighbour, at most."""

STATISTICS = ("mean", "deviation", "least", "greatest", "first", "last", "slope", "roughness")
"""Of each channel; and the length of the sequence."""


def baseline_probabilities(train: Sequences, test: Sequences, seed: int = 0) -> dict[str, np.ndarray]:
    """Name → [N, O] probabilities of the test sequences, each classifier fitted to the training sequences.

    "majority": the shares of the classes. "nearest_neighbour": one neighbour in Euclidean distance, all sequences
    resampled to one length; its class has all the probability, smoothed by the training data's size (Laplace), so that
    an error costs a finite log-loss. "summary_statistics": logistic regression on `STATISTICS`.
    """
    assert train.labels is not None
    classes = train.classes
    number = {label: k for k, label in enumerate(classes)}
    labels = np.array([number[label] for label in train.labels])
    shares = np.bincount(labels, minlength=len(classes)) / len(labels)
    scaling = Scaling.of(train.values)
    known, new = ([scaling(v)[:, : len(train.channels)] for v in s.values] for s in (train, test))
    steps = min(MOST_STEPS, int(np.median(train.lengths)))
    neighbour = KNeighborsClassifier(1).fit(resampled(known, steps), labels)
    chosen = neighbour.predict(resampled(new, steps))
    nearest = np.full((len(new), len(classes)), 1.0) / (len(labels) + len(classes))
    nearest[np.arange(len(new)), chosen] += len(labels) / (len(labels) + len(classes))
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000, random_state=seed))
    with warnings.catch_warnings():
        # Classes that are told apart without an error have no best weights; those of the last iteration will do.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(statistics(known), labels)
    return {
        "majority": np.tile(shares, (len(new), 1)),
        "nearest_neighbour": nearest,
        "summary_statistics": np.asarray(regression.predict_proba(statistics(new))),
    }


def resampled(values: Sequence[np.ndarray], steps: int) -> np.ndarray:
    """[N, steps · I]: each sequence [T, I] read off at `steps` places from its first step to its last, by lines."""
    rows = []
    for sequence in values:
        places = np.linspace(0, len(sequence) - 1, max(1, steps))
        own = np.arange(len(sequence))
        rows.append(np.stack([np.interp(places, own, channel) for channel in sequence.T]).ravel())
    return np.stack(rows)


def statistics(values: Sequence[np.ndarray]) -> np.ndarray:
    """[N, I · 8 + 1] of sequences [T, I] without gaps."""
    rows = []
    for sequence in values:
        x = sequence.astype(np.float64)
        time = np.arange(len(x)) - (len(x) - 1) / 2
        slope = time @ x / max(float(time @ time), 1e-12)
        roughness = np.abs(np.diff(x, axis=0)).mean(0) if len(x) > 1 else np.zeros(x.shape[1])
        parts = (x.mean(0), x.std(0), x.min(0), x.max(0), x[0], x[-1], slope, roughness)
        rows.append(np.concatenate([*parts, [len(x)]]))
    return np.stack(rows)
