"""What a forecast rests on, as a section of the report and as one HTML file."""

from dataclasses import dataclass, field
from typing import Any

from unspool.forecast.explanation import Explanation
from unspool.forecast.result import Forecast
from unspool.report.chart import Chart, Option, Selector
from unspool.report.explanation.shares import share_chart
from unspool.report.explanation.tables import source_table
from unspool.report.explanation.timeline import timeline_chart
from unspool.report.explanation.words import AT_REST, rests_on, rests_overall
from unspool.report.html import render_page
from unspool.report.numbers import count


@dataclass(frozen=True)
class ExplanationReport:
    """What the page about an explanation is made of.

    Attributes:
        title: the heading.
        explanation: of the series shown.
        forecast: of the same series.
        reach: steps of the data to which the recurrence reaches back; None where it was not measured.
        window: steps that are read.
        left_out: series that are not shown.
        inspect: the command that looks at the network itself.
        command, settings, versions: as in `ReportData`.
    """

    title: str
    explanation: Explanation
    forecast: Forecast | None
    reach: int | None
    window: int
    left_out: int = 0
    inspect: str = ""
    command: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def explanation_charts(
    explanation: Explanation, forecast: Forecast | None, series: Selector, reach: int | None = None
) -> dict[str, Chart | None]:
    """The charts of the section; `series` is the page's choice among them, in the explanation's order."""
    ahead = explanation.series[0].ahead
    options = tuple(Option(str(k), count(step, explanation.noun)) for k, step in enumerate(ahead))
    selectors = (series, Selector("ahead", "Steps ahead", options, str(len(ahead) - 1)))
    return {
        "timeline": timeline_chart(explanation, forecast, selectors, reach),
        "shares": share_chart(explanation, selectors),
    }


def explanation_content(explanation: Explanation | None, inspect: str) -> dict[str, Any]:
    """The words and tables of the section, for the template."""
    explained = explanation.series if explanation is not None else ()
    return {
        "rests": [rests_on(one, explanation.noun) for one in explained if explanation is not None],
        "rest_tables": [source_table(one, explanation.noun) for one in explained if explanation is not None],
        "at_rest": AT_REST,
        "inspect": inspect,
    }


def render_explanation(report: ExplanationReport) -> str:
    """The page as text; the same report gives the same text."""
    explanation = report.explanation
    ids = [one.id for one in explanation.series]
    series = Selector("series", "Series", tuple(Option(str(place), name) for place, name in enumerate(ids)), "0")
    charts = explanation_charts(explanation, report.forecast, series, report.reach)
    content: dict[str, Any] = {
        "kind": "explanation",
        "title": report.title,
        "summary": f"{count(report.window, explanation.noun)} are read. {_reach(report)}",
        "judgement": rests_overall(explanation),
        "facts": [],
        "report": report,
        **explanation_content(explanation, report.inspect),
    }
    if len(ids) == 1:
        content["rests"] = []  # the page's heading says it
    return render_page("explanation.html.j2", charts, content)


def _reach(report: ExplanationReport) -> str:
    if report.reach is None:
        return ""
    if report.reach >= report.window:
        return "The recurrence carries gradients over all of them."
    return f"The recurrence carries gradients over {count(report.reach, report.explanation.noun)} of them."
