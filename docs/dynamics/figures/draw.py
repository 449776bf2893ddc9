"""Draws the figures of docs/dynamics from the numbers that the pages' own blocks make.

python docs/dynamics/figures/draw.py [svg|png] [FOLDER]
"""

import sys
from collections.abc import Callable
from pathlib import Path

import biological_networks
from exponentials import equation, growth
from gradients import gates, vanishing
from matplotlib import rc_context
from matplotlib.figure import Figure
from networks import chain, loop_away
from style import HERE, SETTINGS, Numbers, run_page, save

FIGURES: dict[str, Callable[[Numbers], Figure]] = {
    "1-feed-forward-and-recurrent": loop_away,
    "2-compressed-and-unrolled": chain,
    "3-a-differential-equation": equation,
    "4-explode-or-shrink": growth,
    "5-the-vanishing-gradient": vanishing,
    "6-what-the-lstm-changes": gates,
}
"""Page, and what draws the figure of that name."""


def main(kind: str = "svg", folder: str | None = None) -> None:
    """Run every page and draw its figure."""
    for name, draw in FIGURES.items():
        with rc_context(SETTINGS):
            save(draw(run_page(name)), Path(folder or HERE) / f"{name}.{kind}")
    biological_networks.main(kind, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
