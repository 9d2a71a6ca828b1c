"""Places where a process may be told to die, as if its machine had: for tests that ask what is left.

`SIBOL_CRASH_AT=after_commit` kills it there the first time, `after_commit:5` the fifth time.
"""

import os
import signal
from collections import Counter

# Every place, in the order in which an event passes it.
PLACES = (
    "gateway.before_commit",
    "gateway.after_commit",
    "relay.after_claim",
    "relay.after_publish",
    "relay.after_commit",
    "consumer.before_commit",
    "consumer.after_commit",
    "consumer.before_forward",
    "consumer.after_forward",
)
_passed: Counter[str] = Counter()
_chosen: dict[str, int] = {}


class UnknownPlace(ValueError):
    """No such place to crash at."""


def choose(wanted: str) -> None:
    """`wanted` is empty, or PLACE or PLACE:TIMES, several separated by commas."""
    _chosen.clear()
    for each in filter(None, wanted.split(",")):
        place, _, times = each.partition(":")
        if place not in PLACES or not (times or "1").isdecimal():
            raise UnknownPlace(f"{each}: write PLACE or PLACE:TIMES; places: {', '.join(PLACES)}.")
        _chosen[place] = int(times or 1)


def at(place: str) -> None:
    if place not in _chosen:
        return
    _passed[place] += 1
    if _passed[place] == _chosen[place]:
        os.kill(os.getpid(), signal.SIGKILL)
