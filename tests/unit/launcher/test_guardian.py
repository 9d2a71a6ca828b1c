import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher import record
from launcher.errors import Refused
from launcher.places import ROOT, Places
from launcher.processes import is_alive

SUPERVISOR = """
import subprocess, sys, time
from pathlib import Path
from launcher.places import Places
from launcher.processes import identify
from launcher.record import Entry
from launcher.running import run_in

home = Path(sys.argv[1])
with run_in(Places(home=home, servers=home / "servers")) as run:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    identity = identify(child.pid)
    run.put(Entry("sleeper", child.pid, identity.born, 1, 15, 5.0, "", 0.0, 0))
    print("ready", flush=True)
    time.sleep(60)
"""


def start(home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SUPERVISOR, str(home)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while process.stdout.readline() not in {"ready\n", ""}:
        pass
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    process.stdout.close()


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path):
    supervisor = start(tmp_path)
    child = record.read(tmp_path / "run.json").entries["sleeper"].identity

    kill(supervisor)

    deadline = time.monotonic() + 10
    while (tmp_path / "run.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)
    assert not (tmp_path / "run.json").exists()


def test_a_new_start_ends_what_is_left_when_the_guardian_was_killed_too(tmp_path):
    first = start(tmp_path)
    child = record.read(tmp_path / "run.json").entries["sleeper"].identity
    for guardian in guardians(tmp_path):
        os.kill(guardian, signal.SIGKILL)
    kill(first)

    second = start(tmp_path)

    assert not is_alive(child)
    kill(second)


def guardians(home: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            command = (entry / "cmdline").read_bytes() if (entry / "cmdline").exists() else b""
            if b"launcher.guardian" in command and str(home).encode() in command:
                found.append(int(entry.name))
    return found


def test_a_second_run_in_the_same_folder_is_refused_with_what_to_do(tmp_path):
    first = start(tmp_path)
    command = [sys.executable, "-c", SUPERVISOR, str(tmp_path)]

    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    kill(first)
    assert second.returncode == 1
    assert "./sibol down" in second.stderr


def test_the_folder_is_named_when_it_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    places = Places(home=tmp_path / "file" / "home", servers=tmp_path)

    with pytest.raises(Refused, match=str(places.home)):
        places.prepare()
