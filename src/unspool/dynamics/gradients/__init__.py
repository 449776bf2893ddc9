"""Gradients through time: how far back they reach, what bounds them, what to do about it."""
