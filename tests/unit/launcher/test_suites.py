import pytest

from launcher import suites
from launcher.errors import Refused


@pytest.fixture
def root(tmp_path):
    """As unpacked: a loader, a program and a script of Erlang's."""
    loader = tmp_path / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    programs = tmp_path / "usr/lib/erlang/erts-15.0/bin"
    for folder in (loader.parent, programs):
        folder.mkdir(parents=True)
    loader.write_text('#!/bin/sh\necho "$@"\n')
    loader.chmod(0o755)
    (programs / "beam.smp").write_bytes(b"\x7fELF...")
    (programs / "erl").write_text("#!/bin/sh\n")
    return tmp_path


def test_a_program_is_started_by_the_loader_that_came_with_it(root):
    suites.wrap(root)

    started = (root / "usr/lib/erlang/erts-15.0/bin/beam.smp").read_text()
    assert '"$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"' in started
    assert '"$root/usr/lib/erlang/erts-15.0/bin/.programs/beam.smp"' in started
    assert suites.is_wrapped(root)


def test_a_script_stays_as_it_is(root):
    suites.wrap(root)

    assert (root / "usr/lib/erlang/erts-15.0/bin/erl").read_text() == "#!/bin/sh\n"


def test_the_packages_of_this_system_are_not_wrapped(root):
    assert not suites.is_wrapped(root)


@pytest.mark.parametrize(("said", "found"), [("trixie", "trixie"), ("", None), (None, None)])
def test_another_debian_is_taken_when_it_is_named(monkeypatch, said, found):
    monkeypatch.delenv("SIBOL_RABBITMQ_SUITE", raising=False)
    if said is not None:
        monkeypatch.setenv("SIBOL_RABBITMQ_SUITE", said)

    assert suites.wanted() == found


def test_what_is_no_name_of_a_debian_is_refused(monkeypatch):
    monkeypatch.setenv("SIBOL_RABBITMQ_SUITE", "trixie main\ndeb")

    with pytest.raises(Refused, match="name of a Debian"):
        suites.wanted()
