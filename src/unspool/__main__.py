"""`python -m unspool` is `unspool`; so `torchrun -m unspool` runs a command in several processes."""

import os
import sys
from pathlib import Path

from unspool.cli import main

if int(os.environ.get("RANK", "0")) > 0:
    # Each process does the whole command; the first one says so.
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process lives
main()
