"""Digits: the images themselves, in their own order and in a fixed other one; no image is in two parts."""

import numpy as np
import torch
from sklearn.datasets import load_digits

from unspool.tasks import find_task
from unspool.tasks.batch import PARTS
from unspool.tasks.digits import ORDER, images


def test_the_permuted_are_the_sequential_ones_in_a_fixed_order():
    plain, permuted = find_task("digits"), find_task("digits-permuted")
    assert sorted(ORDER) == list(range(64))
    assert list(ORDER) != list(range(64))
    for part in PARTS:
        a, b = plain.draw(30, part=part, number=1), permuted.draw(30, part=part, number=1)
        assert torch.equal(a.x[:, list(ORDER)], b.x)
        assert torch.equal(a.y, b.y)


def test_parts_hold_every_image_once():
    pixels, labels = load_digits(return_X_y=True)
    found = [(x, y) for part in PARTS for x, y in zip(*images()[part], strict=True)]
    mine = sorted((tuple((16 * x).tolist()), int(y)) for x, y in found)
    assert mine == sorted((tuple(x), int(y)) for x, y in zip(pixels.tolist(), labels, strict=True))
    for _, y in images().values():
        shares = np.bincount(y.numpy()) / len(y)
        assert abs(shares - 0.1).max() < 0.01


def test_parts_are_read_in_order_and_to_their_end():
    task = find_task("digits")
    rows = [task.draw(128, part="test", number=k).y for k in range(3)]
    assert [len(r) for r in rows] == [128, 128, 44]
    assert torch.equal(torch.cat(rows), images()["test"][1])
