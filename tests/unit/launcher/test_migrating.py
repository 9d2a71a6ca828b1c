from launcher.migrating import digest


def test_a_new_migration_changes_the_digest(tmp_path):
    folder = tmp_path / "services/gateway/migrations"
    folder.mkdir(parents=True)
    (folder / "0001_accounts.sql").write_text("CREATE TABLE accounts ();")
    before = digest(tmp_path, "broker")

    (folder / "0002_projects.sql").write_text("CREATE TABLE projects ();")

    assert digest(tmp_path, "broker") != before


def test_what_is_no_migration_leaves_the_digest(tmp_path):
    folder = tmp_path / "services/gateway/migrations"
    folder.mkdir(parents=True)
    before = digest(tmp_path, "broker")

    (folder / "README.txt").write_text("How to add one.")

    assert digest(tmp_path, "broker") == before


def test_another_broker_changes_the_digest(tmp_path):
    assert digest(tmp_path, "one") != digest(tmp_path, "other")
