"""One running set per folder: its lock, its record, its guardian."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher import record
from launcher.console import show
from launcher.errors import Refused
from launcher.guardian import Guardian, end_leftovers
from launcher.places import Places
from launcher.processes import identify, is_alive
from launcher.record import Entry, Record

# A guardian needs at most 15 s; the rest is for a busy machine.
PATIENCE = 40.0


@dataclass
class Run:
    places: Places
    record: Record
    guardian: Guardian

    def put(self, entry: Entry) -> None:
        self.record.entries[entry.name] = entry
        self.save()

    def save(self) -> None:
        self.record.save(self.places.run)


@contextlib.contextmanager
def run_in(places: Places, *, wait: bool = False) -> Iterator[Run]:
    """Hold the folder for one set of processes, after ending what an earlier one left."""
    places.prepare()
    with _locked(places, wait=wait) as lock:
        if left := end_leftovers(places):
            show(f"[yellow]Ended what the last run had left: {', '.join(left)}.[/]")
        me = identify(os.getpid())
        assert me is not None
        run = Run(places, Record(supervisor=me), Guardian(places, lock))
        run.save()
        try:
            yield run
            places.run.unlink(missing_ok=True)
        finally:
            run.guardian.dismiss()


def running(places: Places) -> Record | None:
    """The record of the set that runs in this folder, if its supervisor lives."""
    found = record.read(places.run)
    return found if found and is_alive(found.supervisor) else None


@contextlib.contextmanager
def _locked(places: Places, *, wait: bool) -> Iterator[int]:
    lock = os.open(places.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, places, wait=wait)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, places: Places, *, wait: bool) -> None:
    asked = time.monotonic()
    told = False
    while not _try(lock):
        present = running(places)
        if not wait and present:
            raise Refused(_already(present))
        if not wait and time.monotonic() - asked > PATIENCE:
            raise Refused(f"The last run does not end. Look at the processes of {places.home}.")
        if not told:
            show(f"Waiting for {'another' if present else 'the last'} run to end.")
            told = True
        time.sleep(0.1)


def _try(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _already(present: Record) -> str:
    where = present.addresses.get("API", "it is still starting")
    return (
        f"Sibol runs already (process {present.supervisor.pid}; {where}).\n"
        "See it with ./sibol status, stop it with ./sibol down."
    )


def log_file(places: Places, name: str) -> Path:
    return places.logs / f"{name}.log"
