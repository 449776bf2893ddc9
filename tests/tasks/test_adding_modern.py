"""The adding task of today: a mark in either half, the sum of the marked numbers, and what predicting 1 scores."""

import torch
from scipy.stats import chisquare

from unspool.tasks import find_task

B = 8000


def test_answers_marks_and_baseline():
    task = find_task("adding-modern", length=31)
    batch = task.draw(B, seed=2)
    numbers, markers = batch.x.unbind(-1)
    assert batch.x.shape == (B, 31, 2)
    torch.testing.assert_close((numbers * markers).sum(1, keepdim=True), batch.y)
    assert ((markers == 0) | (markers == 1)).all()
    for half in (markers[:, :15], markers[:, 15:]):
        assert (half.sum(1) == 1).all()
        assert chisquare(half.sum(0).numpy()).pvalue > 1e-3
    mse = float((batch.y - 1).square().mean())
    assert task.baseline is not None
    assert abs(mse - task.baseline) < 4 * (7 / 180 / B) ** 0.5  # Var (u + v − 1)² = 1/15 − 1/36
