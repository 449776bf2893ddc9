"""Which of several recipes does best on the parts that their members stopped on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unspool.classify.fitting import FittedModel, Recipe, fit_model
from unspool.classify.sequences import Sequences
from unspool.train import Callback


@dataclass(frozen=True)
class Choice:
    """What was tried and what was taken; `interrupted` if Ctrl-C came before all was tried.

    `tried` is by name the cross-entropy, in nats, of single members on sequences they did not learn from.
    """

    chosen: str
    tried: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False


def choose(
    sequences: Sequences, recipes: Mapping[str, Recipe], callbacks: Sequence[Callback] = (), title: str = "training"
) -> tuple[FittedModel, Choice]:
    """Fit every recipe and keep the model with the lowest validation loss; the parts are the same for all.

    Raises:
        DataError: the loss is not finite.
        KeyboardInterrupt: Ctrl-C came before anything was learned.
    """
    fitted: dict[str, FittedModel] = {}
    interrupted = False
    for name, recipe in recipes.items():
        try:
            fitted[name] = fit_model(sequences, recipe, callbacks, f"{title}, {name}" if len(recipes) > 1 else title)
        except KeyboardInterrupt:
            if not fitted:
                raise
            interrupted = True
            break
        if fitted[name].interrupted:
            interrupted = True
            break
    whole = {name: model for name, model in fitted.items() if not model.interrupted} or fitted
    tried = {name: model.validation["loss"] for name, model in whole.items()}
    chosen = min(tried, key=lambda name: tried[name])
    return whole[chosen], Choice(chosen, tried, interrupted)
