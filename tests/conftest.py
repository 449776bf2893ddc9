"""Settings of the whole suite: property tests draw the same examples on every machine, untimed; one thread each."""

import os
from pathlib import Path

from hypothesis import settings

# Before torch is loaded, here and in every process that a test starts: small products are far slower on threads that
# have to share a busy machine's cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Compiled kernels of the tests stay in the checkout, and are found again by the next run.
os.environ.setdefault("UNSPOOL_CACHE", str(Path(__file__).parents[1] / ".kernels"))

settings.register_profile("unspool", deadline=None, derandomize=True)
settings.load_profile("unspool")
