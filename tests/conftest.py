"""Settings of the whole suite: property tests draw the same examples on every machine, untimed; one thread each."""

import os

from hypothesis import settings

# Before torch is loaded, here and in every process that a test starts: small products are far slower on threads that
# have to share a busy machine's cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("unspool", deadline=None, derandomize=True)
settings.load_profile("unspool")
