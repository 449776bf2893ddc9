"""Settings of the whole suite: property tests draw the same examples on every machine and are never timed."""

from hypothesis import settings

settings.register_profile("unspool", deadline=None, derandomize=True)
settings.load_profile("unspool")
