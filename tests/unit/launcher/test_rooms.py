import pytest

from launcher import rooms
from launcher.errors import Refused
from launcher.places import Places
from launcher.state import State


def test_the_first_of_many_keeps_the_name_of_its_room():
    assert rooms.names("matching", 3) == ["matching", "matching-2", "matching-3"]


def test_a_room_may_be_left_out():
    assert rooms.names("matching", 0) == []


def test_the_timers_run_beside_the_rooms_as_often_as_asked(tmp_path):
    servers = rooms.Servers("postgresql://localhost/sibol", "amqp://localhost/", "one")
    house = rooms.House(Places(tmp_path, tmp_path), servers)
    state = State(tmp_path / "state.json")

    found = rooms.programs(house, state, {"timers": 2})

    timers = [program for program in found if program.name.startswith("timers")]
    assert [program.name for program in timers] == ["timers", "timers-2"]
    assert all(program.command[1:] == ["-m", "services.gateway", "timers"] for program in timers)
    assert len({program.ready for program in found}) == len(found)


def test_wishes_for_scale_are_read():
    wishes = ["matching=2", "notifications=0"]

    scale = rooms.read_scale(wishes)

    assert scale == {"matching": 2, "notifications": 0}


@pytest.mark.parametrize(
    "wish", ["matching", "matching=", "matching=two", "kitchen=2", "matching=99"]
)
def test_a_wish_that_cannot_be_met_is_refused_with_an_example(wish):
    with pytest.raises(Refused, match="--scale matching=2"):
        rooms.read_scale([wish])
