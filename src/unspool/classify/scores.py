"""How good predicted classes and probabilities are."""

import math
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

LEAST = 1e-15
"""A probability of the true class below this counts as this, or one certain error would make the log-loss infinite."""

BINS = 10
"""Into which predictions are sorted by their confidence."""


def score(truth: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    """What metrics.json says of one set of predictions.

    Args:
        truth: [N] numbers of classes.
        probabilities: [N, O].
        classes: [O] names.

    Returns:
        sequences; accuracy with an interval (Wilson, 95 %); balanced_accuracy (mean recall of the classes that occur);
        macro_f1 (of the same); log_loss (nats); expected_calibration_error; per_class, a list of {class, precision,
        recall, f1, support}, None for what is not defined; confusion [O][O], a row for each true class.
    """
    predicted = probabilities.argmax(1)
    numbers = np.arange(len(classes))
    precision, recall, f1, support = (
        np.asarray(part)
        for part in precision_recall_fscore_support(truth, predicted, labels=numbers, zero_division=np.nan)  # pyright: ignore[reportArgumentType]
    )
    occurs = support > 0
    right = predicted == truth
    low, high = wilson(int(right.sum()), len(truth))
    return {
        "sequences": len(truth),
        "accuracy": float(right.mean()),
        "accuracy_interval": [low, high],
        "balanced_accuracy": float(recall[occurs].mean()),
        "macro_f1": float(np.nan_to_num(f1[occurs]).mean()),
        "log_loss": log_loss(truth, probabilities),
        "expected_calibration_error": calibration_error(truth, probabilities),
        "per_class": [
            {
                "class": name,
                "precision": _number(precision[k]),
                "recall": _number(recall[k]),
                "f1": _number(f1[k]),
                "support": int(support[k]),
            }
            for k, name in enumerate(classes)
        ],
        "confusion": confusion_matrix(truth, predicted, labels=numbers).tolist(),
    }


def log_loss(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean −log of the probability of the true class, nats."""
    mine = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(mine, LEAST)).mean())


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """The interval of Wilson 1927 for a share: where it may lie if the sequences were drawn by chance."""
    share = successes / trials
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low, high = ((middle + sign * reach) / (1 + z * z / trials) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def reliability(truth: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """Predictions by the probability of the class they name: {count, confidence, accuracy} of each bin that has any."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "count": int((place == k).sum()),
            "confidence": float(confidence[place == k].mean()),
            "accuracy": float(right[place == k].mean()),
        }
        for k in range(bins)
        if (place == k).any()
    ]


def calibration_error(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean |confidence − accuracy| over the bins, each weighed by its count (Naeini et al. 2015)."""
    rows = reliability(truth, probabilities)
    return sum(row["count"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / len(truth)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
