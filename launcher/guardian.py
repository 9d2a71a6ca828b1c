"""Ends what a killed supervisor leaves behind.

The guardian holds one end of a pipe and the lock of the run. The pipe closes however the supervisor ends; whatever the
record still lists is then stopped in order. Only after that is the lock free for the next start.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from launcher import record
from launcher.places import ROOT, Places
from launcher.processes import end

# Rooms, RabbitMQ and PostgreSQL together stay below 15 s.
GRACE = 4.0


def end_leftovers(places: Places) -> list[str]:
    """Stop what the record lists and return the names of those that had to be stopped."""
    left = record.read(places.run)
    if left is None:
        return []
    end(entry.ending(grace=GRACE) for entry in left.entries.values())
    places.run.unlink(missing_ok=True)
    return list(left.entries)


class Guardian:
    def __init__(self, places: Places, lock: int) -> None:
        self._places = places
        self._lock = lock
        self._read, self._write = os.pipe()
        self._process = self._start()

    def keep(self) -> None:
        """Start another one when the guardian itself was killed."""
        if self._process.poll() is not None:
            self._process = self._start()

    def dismiss(self) -> None:
        os.close(self._write)
        os.close(self._read)
        self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "launcher.guardian", str(self._read)]
        command += [str(self._places.home), str(self._places.servers)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(self._read, self._lock),
            start_new_session=True,
        )


def main(pipe: int, places: Places) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.read(pipe, 1)
    end_leftovers(places)


if __name__ == "__main__":
    main(int(sys.argv[1]), Places(home=Path(sys.argv[2]), servers=Path(sys.argv[3])))
