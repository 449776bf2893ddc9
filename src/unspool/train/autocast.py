"""Mixed precision as fabric has it, without rounding what goes into the module.

Imported by `make_fabric` alone, when it is needed: lightning-fabric takes a while to load.
"""

from typing import Any, final

from lightning_fabric.plugins.precision import MixedPrecision


@final
class Autocast(MixedPrecision):
    """Autocast around the module's forward pass.

    Fabric would turn inputs, and states that are carried on, into 16 bits before the module sees them; autocast
    itself does so where it gains, and recurrences are computed in float32.
    """

    def convert_input(self, data: Any) -> Any:
        """The data as they are."""
        return data
