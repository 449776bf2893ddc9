"""Lorenz-63 from a noisy series: `python -m benchmarks.reconstruction --data DIR`.

The data of Hess et al. 2023 (arXiv:2306.04406): 100,000 steps with 5 % observation noise to train on, 100,000 clean
ones to score against. As there, a network starts at the first test point and runs for 125,000 steps, of which the last
100,000 are scored. The published D_stsp is 0.26. The floor beside each score is the test series' own: its second half
against its first. And the training series, which is the true system with its noise, is scored as if it were generated.
"""

import statistics
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from unspool.dynamics.reconstruction.reconstruct import reconstruct
from unspool.dynamics.reconstruction.scores import ReconstructionScores, reconstruction_scores
from unspool.dynamics.spectra.lyapunov import lyapunov_spectrum

CONSOLE = Console(highlight=False, soft_wrap=True)
TRUE_EXPONENT = 0.9056
"""Lorenz-63's largest Lyapunov exponent per unit of time, KNOWN-ANSWERS §2."""


def time_step(clean: NDArray[np.float64]) -> float:
    """Units of time per step, from ẋ = 10 (y − x): whatever the units of x and y, ẋ holds −10 x.

    ẋ per step by central differences of fourth order; fitted to a constant, x and y it has no remainder.
    """
    change = (clean[:-4, 0] - 8 * clean[1:-3, 0] + 8 * clean[3:-1, 0] - clean[4:, 0]) / 12
    terms = np.column_stack([np.ones(len(change)), clean[2:-2, :2]])
    coefficients, remainder, *_ = np.linalg.lstsq(terms, change, rcond=None)
    assert remainder[0] < 1e-6 * change.var() * len(change), "the series is not Lorenz-63's"
    return -float(coefficients[1]) / 10


def main(
    data: Annotated[Path, typer.Option(help="the folder that holds lorenz63/")],
    seeds: Annotated[int, typer.Option(help="networks to fit")] = 3,
    steps: Annotated[int, typer.Option(help="optimiser steps")] = 20_000,
    alpha: Annotated[float | None, typer.Option(help="forcing; by default found from the Jacobians")] = None,
) -> None:
    """Fit, run and score; a row per seed."""
    folder = data / "lorenz63"
    if not folder.is_dir():
        CONSOLE.print(f"skipped: {folder} is not there")
        raise typer.Exit
    noisy, clean = (np.load(folder / f"lorenz63_{name}.npy").astype(np.float64) for name in ("on0.05_train", "test"))
    dt = time_step(clean)
    itself = reconstruction_scores(noisy, clean)
    CONSOLE.print(f"[bold]Lorenz-63[/bold], {len(clean)} steps of {dt:.5f}; true λ₁ {TRUE_EXPONENT}")
    CONSOLE.print(f"variant: {itself.variant}")
    table = Table("", "D_stsp", "floor", "D_H", "floor", "λ₁ per unit time", "of the true", "α", "kept", "fit s")
    table.add_row("the training series", *_shown(itself), *[""] * 5)
    found: list[float] = []
    for seed in range(seeds):
        start = time.perf_counter()
        fitted = reconstruct(noisy, steps=steps, alpha=alpha, seed=seed)
        seconds = time.perf_counter() - start
        run = fitted.generate(5 * len(clean) // 4, clean[:1])[-len(clean) :]
        scores = reconstruction_scores(run.numpy(), clean)
        state = (run[-1] - fitted.centre) / fitted.scale
        spectrum = lyapunov_spectrum(fitted.layer, steps=200_000, initial_state=state)
        exponent, error = (float(v[0]) / dt for v in (spectrum.exponents, spectrum.errors))
        found.append(scores.d_stsp)
        table.add_row(
            f"seed {seed}",
            *_shown(scores),
            f"{exponent:.3f} ± {error:.3f}",
            f"{exponent / TRUE_EXPONENT - 1:+.1%}",
            f"{fitted.alpha:.3f}",
            f"{fitted.fitted.best}/{len(fitted.fitted.epochs)}",
            f"{seconds:.0f}",
        )
    CONSOLE.print(table)
    CONSOLE.print(f"median D_stsp {statistics.median(found):.3f} of {seeds}; published 0.26; gate 0.5")


def _shown(scores: ReconstructionScores) -> tuple[str, ...]:
    return tuple(f"{v:.3f}" for v in (scores.d_stsp, scores.d_stsp_floor, scores.d_h, scores.d_h_floor))


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
