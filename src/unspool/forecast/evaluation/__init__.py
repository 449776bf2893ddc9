"""How good a forecast is: folds, baselines, metrics, calibration. Needs no torch."""
