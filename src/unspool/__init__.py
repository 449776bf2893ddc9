"""Unspool."""
