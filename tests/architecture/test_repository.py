import ast
import re
import tomllib

import pytest

from services.gateway.lifecycles import MACHINES
from shared.database.migrate import ROOMS
from tests.support.places import MIGRATIONS, ROOT

SOURCES = [
    path
    for folder in ("services", "shared", "launcher", "tools")
    for path in (ROOT / folder).rglob("*.py")
]


@pytest.mark.parametrize("room", ROOMS)
def test_migrations_are_numbered_without_gaps(room):
    numbers = [int(path.name[:4]) for path in sorted(MIGRATIONS[room].glob("*.sql"))]

    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)
def test_the_database_knows_exactly_the_states_of_the_table(machine):
    text = "\n".join(path.read_text() for path in sorted(MIGRATIONS["gateway"].glob("*.sql")))
    table = re.search(rf"CREATE TABLE gateway\.{machine.record}s \((.*?)\n\);", text, re.DOTALL)
    assert table
    check = re.search(r"state\s+text\s+NOT NULL CHECK \(state IN \((.*?)\)\)", table[1], re.DOTALL)
    assert check

    assert set(re.findall(r"'(\w+)'", check[1])) == machine.states


def test_no_statement_is_put_together_from_values():
    """Only constants are joined to SQL; values are always parameters."""
    guilty = [
        f"{path}:{text.lineno}"
        for path in SOURCES
        if path.name == "queries.py"
        for text in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(text, ast.JoinedStr) and _is_sql(text) and not _of_constants(text)
    ]

    assert guilty == []


def _is_sql(text):
    written = "".join(part.value for part in text.values if isinstance(part, ast.Constant))
    return re.search(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE)\b", written)


def _of_constants(text):
    parts = [part.value for part in text.values if isinstance(part, ast.FormattedValue)]
    return all(isinstance(part, ast.Name) and part.id.isupper() for part in parts)


def test_nothing_names_a_registry_or_a_path_of_one_machine():
    words = (
        "pypi" + ".org",
        "registry.npm" + "js",
        "deb.debian" + ".org",
        "/work" + "/main",
        "/root" + "/",
    )
    texts = [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("locks/*")]

    assert [path for path in texts if any(word in path.read_text("utf-8") for word in words)] == []


def test_every_message_exists_in_both_languages():
    folder = ROOT / "services" / "notifications" / "templates" / "events"
    filipino, english = (_keys(folder, language) for language in ("fil", "en"))

    assert filipino
    assert filipino == english


def _keys(folder, language):
    return {
        (path.name.removesuffix(f".{language}.toml"), event, role)
        for path in folder.rglob(f"*.{language}.toml")
        for event, roles in tomllib.loads(path.read_text("utf-8")).items()
        for role in roles
    }
