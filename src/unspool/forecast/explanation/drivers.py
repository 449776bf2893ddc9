"""What a forecast may rest on beside past values, and where it stands among the numbers that a network reads."""

from dataclasses import dataclass

from unspool.forecast.coding import Coding
from unspool.forecast.embedded import channels_of
from unspool.forecast.holiday import PREFIX
from unspool.forecast.model import ModelSettings
from unspool.forecast.tables.panel import ROLES

CALENDAR = "calendar"


@dataclass(frozen=True)
class Place:
    """One driver among the inputs.

    Attributes:
        name: the covariate's, "calendar", or "holiday DE".
        role: "known", "past", "static", "calendar" or "holiday".
        input: its key in `Inputs`.
        channels: of that input's last axis.
        spread: what a unit of the first channel is in units of the covariate; None where that means nothing.
    """

    name: str
    role: str
    input: str
    channels: list[int]
    spread: float | None = None


def places_of(settings: ModelSettings, coding: Coding) -> list[Place]:
    """The calendar, the holidays, the covariates by role."""
    cycles = [at for at, name in enumerate(settings.features) if not name.startswith(PREFIX)]
    found = [Place(CALENDAR, CALENDAR, CALENDAR, cycles)] if cycles else []
    for at, name in enumerate(settings.features):
        if at not in cycles:
            found.append(Place(f"holiday {name.removeprefix(PREFIX)}", "holiday", CALENDAR, [at], 1.0))
    sizes = coding.sizes()
    for role in ROLES:
        for column, channels in zip(coding.of_role(role), channels_of(sizes[role]), strict=True):
            found.append(Place(column.name, role, role, channels, None if column.categorical else column.spread))
    return found
