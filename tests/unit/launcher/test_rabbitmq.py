from pathlib import Path

import pytest

from launcher import rabbitmq
from launcher.errors import Refused

LISTED = """\
Reading package lists...
'http://packages.test/e/erlang-base_25.2.3_amd64.deb' erlang-base_1%3a25.2.3_amd64.deb 9000 MD5Sum:00
'http://packages.test/l/libsctp1_1.0_amd64.deb' libsctp1_1.0_amd64.deb 29 MD5Sum:00
'http://packages.test/s/libstdc++6_12_amd64.deb' libstdc++6_12_amd64.deb 61 MD5Sum:00
"""


def test_package_names_are_read_from_what_apt_would_fetch():
    names = rabbitmq.package_names(LISTED)

    assert names == ["erlang-base", "libsctp1", "libstdc++6"]


def test_a_script_of_erlangs_looks_where_the_environment_says(tmp_path):
    script = tmp_path / "erl"
    script.write_text("#!/bin/sh\nROOTDIR=/usr/lib/erlang\n")

    rabbitmq.move_erlang(script)
    rabbitmq.move_erlang(script)

    assert script.read_text() == '#!/bin/sh\nROOTDIR="$SIBOL_ERLANG"\n'


def test_a_program_that_is_no_script_stays_as_it_is(tmp_path):
    program = tmp_path / "beam.smp"
    program.write_bytes(b"\x7fELF /usr/lib/erlang")

    rabbitmq.move_erlang(program)

    assert program.read_bytes() == b"\x7fELF /usr/lib/erlang"


@pytest.mark.parametrize("folder", ["/home/ana maria/sibol", "/home/niño/sibol", "/home/a$b"])
def test_a_path_on_which_the_broker_would_break_is_refused(folder):
    with pytest.raises(Refused, match="plain path"):
        rabbitmq.check_path(Path(folder))


def test_the_configuration_listens_on_loopback_only(tmp_path):
    server = rabbitmq.RabbitMQ(
        home=tmp_path,
        files=tmp_path,
        password="secret",
        port=20001,
        management_port=20002,
        metrics_port=20003,
        distribution_port=20004,
        epmd_port=20005,
    )

    server.write_configuration()

    written = (tmp_path / "rabbitmq.config").read_text()
    assert written.count('"127.0.0.1"') == 3
    assert '{default_pass, <<"secret">>}' in written
