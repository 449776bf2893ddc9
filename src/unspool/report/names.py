"""The words for what the results call by short keys."""

from unspool.forecast.result import MODEL

_METRICS = {
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "smape": "sMAPE",
    "mase": "MASE",
    "rmsse": "RMSSE",
    "quantile_loss": "Quantile loss",
    "weighted_quantile_loss": "Weighted quantile loss",
    "crps": "CRPS",
}
_CAPITALS = {"gru", "lstm", "rnn"}


def spoken(name: str) -> str:
    """A model or baseline as one says it: `seasonal_naive` → `seasonal naive`; the model itself is `this forecast`."""
    return "this forecast" if name == MODEL else name.replace("_", " ")


def metric_name(key: str) -> str:
    """A metric as papers write it; an unknown key as it is, with spaces."""
    return _METRICS.get(key, key.replace("_", " "))


def cell_name(cell: str) -> str:
    """A cell as papers write it: `gru` → `GRU`; a user's own cell keeps its name."""
    return cell.upper() if cell in _CAPITALS else cell
