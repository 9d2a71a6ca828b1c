import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from launcher.processes import Ending, Identity, end, identify, is_alive, session_of

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@contextlib.contextmanager
def started(*command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


def test_a_number_used_again_is_not_the_old_process():
    with started("sleep", "60") as process:
        present = identify(process.pid)
        earlier = Identity(present.pid, present.born - 1)

        answers = is_alive(present), is_alive(earlier), session_of(earlier)

    assert answers == (True, False, [])


def test_nobody_outlives_the_end_of_a_session():
    with started("sh", "-c", "sleep 60 & sleep 61 & echo; wait") as process:
        process.stdout.readline()
        identity = identify(process.pid)

        end([Ending(identity, stage=1, signal=signal.SIGKILL, grace=0.1)])

        assert session_of(identity) == []


def test_who_does_not_hear_is_killed_when_patience_ends():
    with started(sys.executable, "-c", DEAF) as process:
        process.stdout.readline()

        end([Ending(identify(process.pid), stage=1, grace=0.2)])

        assert process.wait() == -signal.SIGKILL


def test_lower_stages_are_gone_before_higher_ones_are_asked():
    slow = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.4), exit())); print(flush=True); time.sleep(60)"
    with started(sys.executable, "-c", slow) as room, started("sleep", "60") as server:
        room.stdout.readline()
        began = time.monotonic()

        end([Ending(identify(server.pid), stage=3), Ending(identify(room.pid), stage=1)])

        assert room.wait() == 0
        assert server.wait() == -signal.SIGTERM
        assert time.monotonic() - began > 0.4


def test_nothing_is_known_of_a_process_that_never_was():
    assert identify(2**22 + 1) is None


@pytest.mark.parametrize("name", ["plain", "with space", "with ) bracket"])
def test_the_name_of_a_process_does_not_confuse(name, tmp_path):
    program = tmp_path / name
    program.symlink_to("/bin/sleep")
    with started(str(program), "60") as process:
        identity = identify(process.pid)

        assert is_alive(identity)
        assert session_of(identity) == [process.pid]
