"""A column of a drawing: at one step of time an input below, the layers, and an output above."""

from dataclasses import dataclass
from itertools import pairwise

from unspool.nn.setups import Diagram
from unspool.report.drawing.canvas import Canvas, Point

WIDTH, HEIGHT, ROW, STEP, RADIUS = 84.0, 38.0, 74.0, 132.0, 19.0
"""Of a box; the distance of rows and of columns; of a circle; in pixels."""

APART = 17.0
"""Between the middles of the two directions of a layer, from the layer's own."""


@dataclass(frozen=True)
class Column:
    """Where the parts of a step are.

    Attributes:
        x: of the column's middle.
        boxes: per layer the middle of its box, or of the boxes of its two directions.
    """

    x: float
    boxes: tuple[tuple[Point, ...], ...]

    @property
    def bottom(self) -> Point:
        """Where the lowest layer is entered."""
        x, y = self.boxes[0][0]
        return x, y + self._half

    @property
    def top(self) -> Point:
        """Where the highest layer is left."""
        x, y = self.boxes[-1][-1]
        return x, y - self._half

    @property
    def input(self) -> Point:
        """Middle of the input's circle."""
        return self.x, self.bottom[1] + ROW - HEIGHT / 2

    @property
    def output(self) -> Point:
        """Middle of the output's circle."""
        return self.x, self.top[1] - ROW + HEIGHT / 2

    @property
    def _half(self) -> float:
        return (HEIGHT if len(self.boxes[0]) == 1 else HEIGHT * 0.75) / 2


def column(canvas: Canvas, diagram: Diagram, x: float) -> Column:
    """Draw the layers of one step, at height 0 and above, and the arrows between them."""
    layer = diagram.recurrent
    boxes: list[tuple[Point, ...]] = []
    y = 0.0
    for number in range(layer.num_layers):
        y = -number * (ROW + (APART if layer.bidirectional else 0))
        places = ((x, y),) if not layer.bidirectional else ((x, y + APART), (x, y - APART))
        for place, mark in zip(places, ("→ ", "← ") if layer.bidirectional else ("",), strict=True):
            name = f"{mark}{layer.cell.name}{f' (t−{diagram.back[number]})' if diagram.back else ''}"
            canvas.box(place, WIDTH, HEIGHT if len(places) == 1 else HEIGHT * 0.75, name)
        boxes.append(places)
    made = Column(x, tuple(boxes))
    for below, above in pairwise(boxes):
        start = below[-1][1] - made._half
        end = above[0][1] + made._half
        canvas.arrow((x, start), (x, end))
        if layer.residual:
            side = x + WIDTH / 2 + 14
            beside = above[-1][1] - made._half - 9
            canvas.arrow((x, start - 8), (side, start - 8), (side, beside), (x, beside), dashed=True)
    return made


def side(place: Point, right: bool) -> Point:
    """Middle of a box's right or left edge."""
    return place[0] + (WIDTH / 2 if right else -WIDTH / 2), place[1]


def rim(centre: Point, seen_from: Point) -> Point:
    """The point of a circle that faces another point."""
    across, down = seen_from[0] - centre[0], seen_from[1] - centre[1]
    distance = max(1e-9, (across**2 + down**2) ** 0.5)
    return centre[0] + RADIUS * across / distance, centre[1] + RADIUS * down / distance


def begin(canvas: Canvas, first: Column, label: str) -> None:
    """What the initial states are computed from."""
    place = (first.x - STEP * 0.85, first.boxes[0][0][1])
    canvas.circle(place, RADIUS, label, "input")
    for places in first.boxes:
        end = side(places[0], False)
        canvas.arrow(rim(place, end), end, kind="time")
