"""Boxes, circles, arrows and words as SVG."""

from html import escape

from unspool.report.palette import FAINT, GRID, INK, MODEL_COLOUR, MUTED, OCHRE, ORANGE, TEAL

PAPER = "#fcfcfa"
"""A ground of its own, so that the drawing reads on a white page and on a dark one."""

FILLS = {"unit": "#dbe7f6", "input": "#f1f0eb", "output": "#d8efe9", "function": "#f8eeda", "plain": "#ffffff"}
STROKES = {"unit": MODEL_COLOUR, "input": FAINT, "output": TEAL, "time": MODEL_COLOUR, "flow": MUTED, "fed": ORANGE}
RIMS = STROKES | {"function": OCHRE, "plain": MUTED, "frame": GRID}
"""Also of what no arrow is drawn in."""

Point = tuple[float, float]


class Canvas:
    """Collects shapes; coordinates are in pixels, y downwards, and may be negative."""

    def __init__(self) -> None:
        self._shapes: list[str] = []
        self._xs: list[float] = []
        self._ys: list[float] = []

    def box(
        self,
        centre: Point,
        width: float,
        height: float,
        label: str,
        kind: str = "unit",
        *,
        rim: str | None = None,
        corner: float = 8,
        indices: bool = False,
    ) -> None:
        """A box with rounded corners, its label inside; `rim` where its outline is of another kind."""
        x, y = centre[0] - width / 2, centre[1] - height / 2
        self._reach((x, y), (x + width, y + height))
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{corner:g}" '
            f'fill="{FILLS[kind]}" stroke="{RIMS[rim or kind]}" stroke-width="1.5"/>'
        )
        size = min(14, int(width / (0.56 * max(1, len(label)))))
        self.words(centre, label, size=size, indices=indices)

    def circle(self, centre: Point, radius: float, label: str, kind: str) -> None:
        """A circle, its label inside."""
        self._reach((centre[0] - radius, centre[1] - radius), (centre[0] + radius, centre[1] + radius))
        self._shapes.append(
            f'<circle cx="{centre[0]:g}" cy="{centre[1]:g}" r="{radius:g}" '
            f'fill="{FILLS[kind]}" stroke="{STROKES[kind]}" stroke-width="1.5"/>'
        )
        self.words(centre, label)

    def arrow(self, *points: Point, kind: str = "flow", dashed: bool = False, curved: bool = False) -> None:
        """An arrow along a line of points; `curved`: a Bézier curve with the two inner ones as its handles."""
        self._reach(*points)
        start, *others = (f"{x:g} {y:g}" for x, y in points)
        path = f"M {start} C {', '.join(others)}" if curved else f"M {start} L {' L '.join(others)}"
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self._shapes.append(
            f'<path d="{path}" fill="none" stroke="{STROKES[kind]}" stroke-width="1.6" stroke-linejoin="round"{dash} '
            f'marker-end="url(#{kind})"/>'
        )

    def wire(self, *points: Point, kind: str = "flow", head: bool = False) -> None:
        """A line of horizontal and vertical pieces with rounded bends; `head`: it ends in a small arrow."""
        self._reach(*points)
        path = [f"M {points[0][0]:g} {points[0][1]:g}"]
        for before, bend, after in zip(points, points[1:], points[2:], strict=False):
            (ax, ay), (bx, by) = _towards(bend, before), _towards(bend, after)
            path.append(f"L {ax:g} {ay:g} Q {bend[0]:g} {bend[1]:g} {bx:g} {by:g}")
        path.append(f"L {points[-1][0]:g} {points[-1][1]:g}")
        self._shapes.append(f'<path d="{" ".join(path)}" fill="none" stroke="{STROKES[kind]}" stroke-width="1.4"/>')
        if head:
            self.head(points[-1], kind, points[-2])

    def head(self, tip: Point, kind: str = "flow", start: Point | None = None) -> None:
        """The head of an arrow that comes from `start`, or from below."""
        self._shapes.append(_head(start or (tip[0], tip[1] + 1), tip, STROKES[kind]))

    def dot(self, centre: Point, kind: str = "flow") -> None:
        """Where a line divides."""
        self._shapes.append(f'<circle cx="{centre[0]:g}" cy="{centre[1]:g}" r="2.6" fill="{STROKES[kind]}"/>')

    def frame(self, left: float, top: float, right: float, bottom: float) -> None:
        """A ground for what is drawn next."""
        self._reach((left, top), (right, bottom))
        self._shapes.append(
            f'<rect x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" rx="12" '
            f'fill="{FILLS["plain"]}" stroke="{RIMS["frame"]}" stroke-width="1.5"/>'
        )

    def words(
        self,
        centre: Point,
        text: str,
        *,
        size: int = 14,
        colour: str = INK,
        anchor: str = "middle",
        indices: bool = True,
    ) -> None:
        """A line of text; with `indices` a `_` sets what follows as an index."""
        width = 0.6 * size * len(text)
        left = {"middle": centre[0] - width / 2, "start": centre[0], "end": centre[0] - width}[anchor]
        self._reach((left, centre[1] - size), (left + width, centre[1] + size / 2))
        shown = _with_index(text) if indices else escape(text)
        self._shapes.append(
            f'<text x="{centre[0]:g}" y="{centre[1]:g}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" dominant-baseline="central">{shown}</text>'
        )

    @property
    def bottom(self) -> float:
        """The lowest point so far."""
        return max(self._ys)

    def svg(self, title: str, description: str) -> str:
        """The drawing; title and description are for those who cannot see it."""
        pad = 18
        left, top = min(self._xs) - pad, min(self._ys) - pad
        width, height = max(self._xs) + pad - left, max(self._ys) + pad - top
        heads = "".join(
            f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M 0 1 L 9 5 L 0 9 z" fill="{colour}"/></marker>'
            for kind, colour in STROKES.items()
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {width:g} {height:g}" '
                f'width="{width:g}" height="{height:g}" role="img" font-family="Georgia, \'Times New Roman\', serif">',
                f"<title>{escape(title)}</title><desc>{escape(description)}</desc><defs>{heads}</defs>",
                f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="10" fill="{PAPER}"/>',
                *self._shapes,
                "</svg>\n",
            ]
        )

    def _reach(self, *points: Point) -> None:
        self._xs += [x for x, _ in points]
        self._ys += [y for _, y in points]


def _towards(bend: Point, other: Point, radius: float = 5.0) -> Point:
    """Where a bend begins, on the way to its neighbour; at most half way."""
    across, down = other[0] - bend[0], other[1] - bend[1]
    distance = max(1e-9, (across**2 + down**2) ** 0.5)
    share = min(radius / distance, 0.5)
    return bend[0] + share * across, bend[1] + share * down


def _head(before: Point, tip: Point, colour: str, size: float = 6.5) -> str:
    """A triangle that ends at `tip`."""
    across, down = tip[0] - before[0], tip[1] - before[1]
    distance = max(1e-9, (across**2 + down**2) ** 0.5)
    u, v = size * across / distance, size * down / distance
    left, right = (tip[0] - u - v / 2, tip[1] - v + u / 2), (tip[0] - u + v / 2, tip[1] - v - u / 2)
    corners = " ".join(f"{x:g},{y:g}" for x, y in (tip, left, right))
    return f'<polygon points="{corners}" fill="{colour}"/>'


def _with_index(text: str) -> str:
    """`h_t` with its index lowered."""
    name, mark, index = text.partition("_")
    lowered = f'<tspan font-size="70%" dy="0.45em">{escape(index)}</tspan>' if mark else ""
    return escape(name) + lowered
