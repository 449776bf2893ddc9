"""One HTML file that needs nothing else: no network, no font, no second file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from unspool.report.chart import Chart
from unspool.report.palette import DARK

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, charts: Mapping[str, Chart | None], content: Mapping[str, Any]) -> str:
    """A page as text (5 MB, nearly all of it plotly.js); the same content gives the same text.

    Args:
        template: its name in `templates/`; it extends `page.html.j2`.
        charts: by their names in the template; None for one that there is nothing to draw for.
        content: the other variables of the template.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        {
            **content,
            "charts": charts,
            "figures": _embedded(charts),
            "css": (TEMPLATES / "report.css").read_text(encoding="utf-8"),
            "script": (TEMPLATES / "report.js").read_text(encoding="utf-8"),
            "plotly": get_plotlyjs(),
        }
    )


def _embedded(charts: Mapping[str, Chart | None]) -> str:
    """JSON for a script element: no `<`, `>` or `&` in it, so that no text of the user's can end the element."""
    content = {"dark": DARK, "charts": {name: chart.to_json() for name, chart in charts.items() if chart is not None}}
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
