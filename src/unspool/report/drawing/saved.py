"""The network of a saved model, to be drawn."""

import json
from pathlib import Path

from torch import nn

from unspool.errors import ModelError


def saved_network(folder: Path) -> nn.Module:
    """The network of a forecaster, a classifier or a text model: the first member of several, the lead of an ensemble.

    Args:
        folder: `model/` as a command wrote it, or the folder that it lies in.

    Raises:
        ModelError: it is none, or damaged.
    """
    folder = folder / "model" if (folder / "model" / "model.json").is_file() else folder
    try:
        kind = json.loads((folder / "model.json").read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        raise ModelError(
            f"'{folder}' is not the folder of a saved model", hint="give a folder model/, or the name of a setup"
        ) from None
    match kind:
        case "unspool forecast model":
            from unspool.forecast.ensemble import lead_of
            from unspool.forecast.saving import load_model

            return lead_of(load_model(folder).model).members[0].network
        case "unspool classification model":
            from unspool.classify.saving import load_model

            return load_model(folder)[0].members[0]
        case "unspool text model":
            from unspool.text.saving import load_model

            return load_model(folder).network
        case _:
            raise ModelError(f"'{folder}' is a saved {kind}, which has no network to draw")
