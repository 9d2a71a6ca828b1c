import itertools
import threading

from launcher import logs


def test_a_large_log_is_put_aside_at_the_start(tmp_path):
    path = tmp_path / "gateway.log"
    path.write_text("old\n" * 10)

    logs.rotate(path, above=20)

    assert not path.exists()
    assert (tmp_path / "gateway.1.log").read_text() == "old\n" * 10


def test_a_growing_log_is_cut_under_the_hand_of_its_writer(tmp_path):
    path = tmp_path / "gateway.log"
    with path.open("a") as writer:
        writer.write("old\n" * 10)
        writer.flush()
        logs.cut(path, above=20)
        writer.write("new\n")

    assert path.read_text() == "new\n"
    assert (tmp_path / "gateway.1.log").read_text() == "old\n" * 10


def test_the_tail_begins_at_the_offset(tmp_path):
    path = tmp_path / "gateway.log"
    path.write_text("one\ntwo\nthree\nfour\n")

    lines = logs.tail(path, 2, offset=len("one\ntwo\nthree\n"))

    assert lines == ["four"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path):
    assert logs.tail(tmp_path / "gateway.log", 5) == []


def test_following_tells_whole_new_lines_and_their_process(tmp_path):
    path = tmp_path / "gateway.log"
    path.write_text("old\n")
    following = logs.follow([path])
    later = threading.Timer(0.3, append, [path, "first\nsecond\nhalf a li"])

    later.start()
    lines = list(itertools.islice(following, 2))

    assert lines == [("gateway", "first"), ("gateway", "second")]


def test_a_plain_line_has_no_colours():
    assert logs.plain("\x1b[2m12:00\x1b[0m [\x1b[32minfo\x1b[0m]") == "12:00 [info]"


def append(path, text):
    with path.open("a") as writer:
        writer.write(text)
