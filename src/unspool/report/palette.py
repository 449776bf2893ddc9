"""The colours of the page and its charts, light and dark, and the look of each line.

Hues follow Okabe and Ito's colour-blind-safe set, darkened until they read on paper. Every line also has its own dash
and marker, so no information is carried by colour alone.

A figure is made in the light colours; the page's script exchanges them for the dark ones by `DARK`, string for string.
"""

from dataclasses import dataclass

from unspool.forecast.result import MODEL

INK = "#27313d"
MUTED = "#566070"
GRID = "#e4e3dd"
FAINT = "#858b94"
SLIDER = "#f1f0eb"
HOVER = "#fffffe"
MODEL_COLOUR = "#1a5fb4"
ORANGE, TEAL, PURPLE, OCHRE, CRIMSON = "#b3440d", "#0a7566", "#7748a0", "#806000", "#a82a5c"
FAN = ("rgba(26, 95, 180, 0.14)", "rgba(26, 95, 180, 0.27)", "rgba(26, 95, 180, 0.42)", "rgba(26, 95, 180, 0.58)")
"""Fills of nested intervals, the widest first."""

DARK = {
    INK: "#dde2e9",
    MUTED: "#a6b0bd",
    GRID: "#2b323b",
    FAINT: "#6e7885",
    SLIDER: "#1c2128",
    HOVER: "#20262e",
    MODEL_COLOUR: "#7db5ff",
    FAN[0]: "rgba(112, 172, 255, 0.15)",
    FAN[1]: "rgba(112, 172, 255, 0.28)",
    FAN[2]: "rgba(112, 172, 255, 0.42)",
    FAN[3]: "rgba(112, 172, 255, 0.58)",
    ORANGE: "#ff9d66",
    TEAL: "#4ccbb5",
    OCHRE: "#e2bf5a",
    PURPLE: "#c9a8f0",
    CRIMSON: "#ff94b8",
}
"""Light colour → dark colour."""


@dataclass(frozen=True)
class Look:
    """How one line is drawn: colour, dash and marker together tell it from the others."""

    colour: str
    dash: str
    marker: str
    width: float


_MODEL_LOOK = Look(MODEL_COLOUR, "solid", "circle", 2.6)
_BASELINES = (
    Look(ORANGE, "dash", "square", 1.7),
    Look(TEAL, "dot", "diamond", 1.7),
    Look(PURPLE, "dashdot", "triangle-up", 1.7),
    Look(OCHRE, "longdash", "cross", 1.7),
    Look(CRIMSON, "longdashdot", "triangle-down", 1.7),
    Look(ORANGE, "dot", "x", 1.7),
    Look(TEAL, "longdash", "star", 1.7),
    Look(PURPLE, "dash", "hexagon", 1.7),
)


def looks(names: list[str]) -> dict[str, Look]:
    """The look of the model and of each baseline, by the baselines' order."""
    baselines = [name for name in names if name != MODEL]
    chosen = {name: _BASELINES[place % len(_BASELINES)] for place, name in enumerate(baselines)}
    return {MODEL: _MODEL_LOOK} | chosen
