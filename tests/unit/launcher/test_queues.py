from launcher.queues import MANY, Work, advice
from launcher.rooms import ROOMS
from shared.messaging.queues import Depth
from shared.messaging.topology import UNROUTED, dead_queue_of, queue_of

IDLE = dict.fromkeys(ROOMS, Work(0.0, 0))


def depths(**counts):
    """Every room is served; `matching_dead=3` puts three into its dead queue."""
    found = {queue_of(room): Depth(queue_of(room), 0, 1) for room in ROOMS}
    for name, count in counts.items():
        room, _, kind = name.partition("_")
        queue = UNROUTED if room == "unrouted" else dead_queue_of(room) if kind else queue_of(room)
        found[queue] = Depth(queue, count, 1)
    return found


def test_nothing_is_said_when_there_is_nothing_to_do():
    assert advice(depths(), IDLE) == []


def test_what_is_dead_comes_with_the_command_that_shows_it():
    assert advice(depths(matching_dead=3), IDLE) == [
        "matching: 3 in the dead queue: ./sibol dead list matching"
    ]


def test_events_that_no_room_heard_are_somebodys_business():
    [line] = advice(depths(unrouted=2), IDLE)

    assert "./sibol dead list unrouted" in line


def test_a_room_that_does_not_run_or_was_never_migrated_is_named():
    found = depths()
    found[queue_of("matching")] = Depth(queue_of("matching"), 5, 0)
    del found[queue_of("notifications")]

    lines = advice(found, IDLE)

    assert any(line.startswith("matching: nobody takes") for line in lines)
    assert any(line.startswith("notifications: has no queue") for line in lines)


def test_late_events_and_a_long_outbox_are_named():
    lines = advice(depths(), IDLE | {"gateway": Work(95.0, MANY)})

    assert [line.partition(".")[0] for line in lines] == [
        "gateway: an event has waited for 0:01:35",
        "gateway: events wait to be published",
    ]
