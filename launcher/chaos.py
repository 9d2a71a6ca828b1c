"""`./sibol chaos`: it keeps servers of its own, for they are going to be killed."""

import subprocess
import sys
from contextlib import suppress

from launcher.places import ROOT


def run(arguments: list[str]) -> int:
    with suppress(KeyboardInterrupt):
        return subprocess.call([sys.executable, "-m", "chaos", *arguments], cwd=ROOT)
    return 130
