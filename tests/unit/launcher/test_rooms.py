import pytest

from launcher import rooms
from launcher.errors import Refused


def test_the_first_of_many_keeps_the_name_of_its_room():
    assert rooms.names("matching", 3) == ["matching", "matching-2", "matching-3"]


def test_a_room_may_be_left_out():
    assert rooms.names("matching", 0) == []


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
