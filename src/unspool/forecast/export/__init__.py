"""A fitted model as an ONNX file, which runs without unspool and without torch."""

from unspool.forecast.export.onnx import TOLERANCE, Exported, check_file, export_model
from unspool.forecast.export.reading import arrays_of

__all__ = ["TOLERANCE", "Exported", "arrays_of", "check_file", "export_model"]
