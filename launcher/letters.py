"""What `./sibol dead` does with the messages, and how it shows them."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from rich.console import Group
from rich.table import Table
from rich.text import Text

from launcher.answering import amqp_url
from launcher.console import show
from launcher.errors import Refused
from shared.messaging.dead import Advance, Dead, Letter, Listed, Opened, opened
from shared.messaging.topology import BROKER_AWAY

LONGEST_BODY = 20_000
LONGEST_REASON = 120
# Wide enough for every id, so that each can be copied whole.
TABLE_WIDTH = 118
# Told again after so many.
MANY = 5000


@contextlib.asynccontextmanager
async def _opened(room: str) -> AsyncIterator[Dead]:
    try:
        async with opened(amqp_url(), room) as dead:
            yield dead
    except BROKER_AWAY as error:
        raise Refused(
            f"RabbitMQ did not do it ({type(error).__name__}: {str(error)[:200]}). "
            "Nothing is lost: what was not confirmed is in the dead queue still. "
            "See ./sibol status, then ask again."
        ) from error


async def show_all(rooms: Iterable[str], limit: int) -> None:
    for room in rooms:
        async with _opened(room) as dead:
            show(_table(room, await dead.first(limit)))


async def show_one(room: str, wanted: str) -> Text:
    async with _opened(room) as dead:
        found = await dead.show(wanted)
    if found is None:
        raise Refused(f"No message {wanted} is in the dead queue of {room}.")
    return _pages(found)


async def redrive(room: str, wanted: set[str] | None) -> None:
    await _settle(room, wanted, Dead.redrive, "sent back")


async def drop(room: str, wanted: set[str] | None) -> None:
    await _settle(room, wanted, Dead.drop, "dropped")


async def _settle(
    room: str,
    wanted: set[str] | None,
    settle: Callable[[Dead, set[str] | None, Advance], Awaitable[set[str]]],
    done: str,
) -> None:
    settled = 0

    def advance(by: int) -> None:
        nonlocal settled
        settled += by
        if settled % MANY < by:
            show(f"[dim]{settled} {done}[/]")

    async with _opened(room) as dead:
        found = await settle(dead, wanted, advance)
    missing = (wanted or set()) - found
    show(f"{room}: {settled} {done}.")
    if missing:
        raise Refused(f"Not in the dead queue of {room}: {', '.join(sorted(missing))}.")


def _table(room: str, listed: Listed) -> Group | Text:
    if not listed.count:
        return Text(f"{room}: nothing.")
    shown = Table("#", "id, event", "subject, reason", "since, tries", width=TABLE_WIDTH)
    shown.columns[1].min_width = shown.columns[2].min_width = 36
    for letter in listed.letters:
        shown.add_row(str(letter.number), *_cells(letter))
    rest = listed.count - len(listed.letters)
    more = [Text(f"... and {rest} more: ./sibol dead list {room} --limit {listed.count}")]
    return Group(Text(f"{room}: {listed.count}"), shown, *(more if rest > 0 else []))


def _cells(letter: Letter) -> tuple[Text, Text, Text]:
    since = f"{letter.since:%F %T}" if letter.since else "-"
    tries = "1 try" if letter.attempts == 1 else f"{letter.attempts} tries"
    return (
        Text(f"{letter.id}\n{plain(letter.name) or 'no event'}"),
        Text(f"{plain(letter.subject) or '-'}\n{plain(letter.reason)[:LONGEST_REASON] or '-'}"),
        Text(f"{since}\n{tries}"),
    )


def _pages(found: Opened) -> Text:
    letter = found.letter
    headers = "\n".join(
        f"  {plain(name)}: {plain(value)}" for name, value in letter.headers.items()
    )
    return Text(
        f"{letter.id}\n"
        f"event    {plain(letter.name) or '-'}\n"
        f"subject  {plain(letter.subject) or '-'}\n"
        f"reason   {plain(letter.reason) or '-'}\n"
        f"tries    {letter.attempts}\n"
        f"since    {letter.since or '-'}\n"
        f"headers\n{headers}\n"
        f"body, {letter.size} bytes, {plain(letter.content_type) or 'of no stated type'}\n"
        f"{readable(found.body)}"
    )


def plain(value: object) -> str:
    """Whatever a stranger wrote, on one line, and without what a terminal would obey."""
    text = "" if value is None else str(value)[:LONGEST_BODY]
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def readable(body: bytes) -> str:
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = body[:LONGEST_BODY].decode("utf-8", "backslashreplace")
    lines = [plain(line) for line in text[:LONGEST_BODY].split("\n")]
    cut = [f"... {len(text) - LONGEST_BODY} more characters"] if len(text) > LONGEST_BODY else []
    return "\n".join(lines + cut)
