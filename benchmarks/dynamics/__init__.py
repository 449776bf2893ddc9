"""Figures of the dynamics lens."""
