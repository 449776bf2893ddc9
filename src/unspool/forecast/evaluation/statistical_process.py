"""A process of its own that fits statsforecast's models: run as a script by `fitters.Fitter`, never imported.

The first line out says {"version": …} or {"error": …}. Then each line in is a task as JSON, {"method", "season",
"horizon", "levels", "values"}, and each line out what statsforecast's `forecast` gave for it, {"mean": […], "lo-80":
[…] …}, or {"error": …}. It ends when its input does. It imports nothing of Unspool, so that it starts soon.
"""

import json
import os
import signal
import sys
import warnings
from importlib import import_module


def main() -> None:
    """Answer tasks until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    warnings.simplefilter("ignore")

    def answer(value: dict) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    try:
        import numpy as np

        models = import_module("statsforecast.models")  # not there for a type checker without the extra
        version = import_module("statsforecast").__version__
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        return
    answer({"version": version})
    for line in sys.stdin:
        task = json.loads(line)
        try:
            model = getattr(models, task["method"])(season_length=task["season"])
            values = np.asarray(task["values"], np.float64)
            made = model.forecast(y=values, h=task["horizon"], level=task["levels"] or None)
            answer({name: np.asarray(part, np.float64).tolist() for name, part in made.items()})
        except Exception as error:  # of any kind: a series that a model cannot fit ends no backtest
            answer({"error": str(error).splitlines()[0] if str(error) else type(error).__name__})


if __name__ == "__main__":
    main()
