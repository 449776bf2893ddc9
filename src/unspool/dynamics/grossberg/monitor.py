"""A monitor of V: whether a network that must come to rest does so, seen while it runs."""

from typing import final

from torch import Tensor

from unspool.dynamics.grossberg.check import check_finite
from unspool.dynamics.grossberg.cohen_grossberg import CohenGrossberg


@final
class EnergyMonitor:
    """Takes a trajectory's states one after another and tells the largest growth of Cohen and Grossberg's V.

    Args:
        network: in Cohen and Grossberg's form.

    Attributes:
        largest_growth: of V between two successive moments, over all states; −∞ before the second moment.
        grew_at: the moment, counted from 0, before which V grew most; None before the second.
        promised: whether the theorem's conditions held at every state seen (`CohenGrossberg.conditions_hold`), so that
            V may not have grown, but for the error of whatever made the trajectory.

    Example:
        >>> import torch
        >>> from unspool.dynamics.grossberg import cohen_grossberg, competitive_field, power, trajectory
        >>> field = competitive_field(3, power(2.0, gain=10.0))
        >>> monitor = EnergyMonitor(cohen_grossberg(field))
        >>> start = torch.tensor([0.2, 0.25, 0.3], dtype=torch.float64)
        >>> for state in trajectory(field, start, torch.linspace(0, 9, 50)):
        ...     monitor.update(state)
        >>> monitor.promised, monitor.largest_growth <= 0
        (True, True)
    """

    def __init__(self, network: CohenGrossberg) -> None:
        self.network = network
        self.largest_growth = float("-inf")
        self.grew_at: int | None = None
        self.promised = True
        self._moment = 0
        self._before: Tensor | None = None

    def update(self, states: Tensor) -> None:
        """Take the states [..., S] of the next moment.

        Raises:
            DataError: a state is not finite, or V is not: a shunting unit with an input sits at −D.
            ShapeError: the states have not S units.
        """
        check_finite("EnergyMonitor", "a state", states)
        self.promised = self.promised and self.network.conditions_hold(states)
        if self._before is not None:
            growth = float(self.network.energy_change(self._before, states).max())
            check_finite("EnergyMonitor", "the change of V", growth)
            if growth > self.largest_growth:
                self.largest_growth, self.grew_at = growth, self._moment
        self._before = states
        self._moment += 1
