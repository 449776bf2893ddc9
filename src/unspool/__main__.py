"""`python -m unspool` is `unspool`; so `torchrun -m unspool` runs a command in several processes."""

import os
import sys
from pathlib import Path

from unspool.atomic import is_first_process
from unspool.cli import main

if not is_first_process():
    # Each process does the whole command; the first one says so.
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process lives
main()
