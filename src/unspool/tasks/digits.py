"""Sequential digits: an image read pixel by pixel, and what it shows told at the end; also in a shuffled order.

Le, Jaitly & Hinton 2015, arXiv:1504.00941, with the 28 × 28 images of MNIST. Here: scikit-learn's load_digits (UCI
optical recognition of handwritten digits), 1,797 images of 8 × 8 pixels with 17 grey levels, which need no download. A
sequence is the 64 pixels, row by row, scaled to 0 … 1; permuted, in one fixed random order that is the same for all
images. 1,197 images for training, 300 for validation, 300 for the test, the classes in equal shares. Results are not
those of MNIST, and no paper sets a bar: here it is at most 5 % of the test images wrong.
"""

from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from unspool.tasks.batch import PARTS, Batch, Part, rows_of
from unspool.tasks.measure import Classes
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings

PIXELS, CLASSES, HELD = 64, 10, 300
ORDER = tuple(np.random.default_rng(0).permutation(PIXELS).tolist())
"""The pixel that is read at each step of a permuted sequence."""


def digits(is_permuted: bool = False) -> Task:
    """Sequential or permuted digits."""
    return Task(
        name="digits-permuted" if is_permuted else "digits",
        summary="a digit read pixel by pixel" + (", in a fixed random order" if is_permuted else ""),
        source="Le, Jaitly & Hinton 2015, with scikit-learn's digits",
        length=PIXELS,
        input_size=1,
        output_size=CLASSES,
        asks="last",
        measure=Classes(),
        criterion=Criterion(
            "at most 5 % of 300 test images wrong (the papers set no bar)",
            held=Bar(HELD, error=0.0501),
            ends=False,
        ),
        baseline=0.9,
        baseline_text="always telling the same digit",
        settings=TaskSettings(cell="lem", hidden_size=64, sequences=72_000, falls=True),
        sample=partial(_sample, is_permuted=is_permuted),
        published="MNIST: LSTM 87.2 / 85.7 %, GRU 96.2 / 87.3 % right (Bai et al. 2018)",
        sizes={"training": 1797 - 2 * HELD, "validation": HELD, "test": HELD},
        chunk=HELD,
    )


@lru_cache(maxsize=1)
def images() -> dict[Part, tuple[Tensor, Tensor]]:
    """Part → pixels [N, 64] in 0 … 1, and digits [N]."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    rows = np.arange(len(labels))
    train, rest = train_test_split(rows, test_size=2 * HELD, stratify=labels, random_state=0)
    validation, test = train_test_split(rest, test_size=HELD, stratify=labels[rest], random_state=0)
    parts = dict(zip(PARTS, (train, validation, test), strict=True))
    return {
        part: (torch.tensor(pixels[rows] / 16, dtype=torch.float32), torch.tensor(labels[rows]).long())
        for part, rows in parts.items()
    }


def _sample(seed: int, part: Part, number: int, sequences: int, *, is_permuted: bool) -> Batch:
    pixels, labels = images()[part]
    rows = rows_of(seed, part, number, sequences, len(labels))
    x = pixels[rows][:, list(ORDER)] if is_permuted else pixels[rows]
    return Batch(x[..., None], labels[rows])
