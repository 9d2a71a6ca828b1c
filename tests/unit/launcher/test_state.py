import socket
import stat

from launcher.state import State, first_free, is_free, read_json, write_json


def test_a_port_is_the_same_at_the_next_start(tmp_path):
    first = State(tmp_path / "state.json").port("postgres")

    again = State(tmp_path / "state.json").port("postgres")

    assert again == first


def test_a_port_that_somebody_took_is_replaced_and_the_new_one_kept(tmp_path):
    taken = State(tmp_path / "state.json").port("postgres")
    with socket.create_server(("127.0.0.1", taken)):
        another = State(tmp_path / "state.json").port("postgres")

    kept = State(tmp_path / "state.json").port("postgres")

    assert another != taken
    assert kept == another


def test_two_names_never_share_a_port(tmp_path):
    state = State(tmp_path / "state.json")

    ports = [state.port(f"matching-{number}") for number in range(40)]

    assert len(set(ports)) == 40


def test_a_secret_is_kept_and_only_its_owner_reads_it(tmp_path):
    secret = State(tmp_path / "state.json").secret("postgres")

    again = State(tmp_path / "state.json").secret("postgres")

    assert again == secret
    assert len(secret) == 32
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600


def test_the_first_free_port_passes_over_taken_ones(tmp_path):
    wanted = State(tmp_path / "state.json").port("api")
    with socket.create_server(("127.0.0.1", wanted)):
        found = first_free(wanted)

    assert found > wanted
    assert is_free(found)


def test_half_a_document_reads_as_none(tmp_path):
    write_json(tmp_path / "run.json", {"a": 1})
    (tmp_path / "run.json").write_text('{"a"')

    content = read_json(tmp_path / "run.json")

    assert content is None
