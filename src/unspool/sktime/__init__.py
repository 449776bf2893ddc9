"""A forecaster for sktime (`pip install 'unspool[sktime]'`): fits into its pipelines, tuning and evaluation."""

try:
    from unspool.sktime.forecaster import UnspoolForecaster
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "sktime":
        raise
    raise ImportError("unspool.sktime needs sktime: pip install 'unspool[sktime]'") from None

__all__ = ["UnspoolForecaster"]
