"""What the page about a network is made of."""

from dataclasses import dataclass, field

from unspool.dynamics.inspection.inspection import Inspection


@dataclass(frozen=True)
class InspectionReport:
    """One inspection, as its page shows it.

    Attributes:
        title: the heading, in the user's words.
        found: the results.
        course: what the network ran on, one sentence.
        command: the command line (or the Python call) that makes this page again.
        settings: option → value, in the order to print them.
        versions: program → version.
    """

    title: str
    found: Inspection
    course: str
    command: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
