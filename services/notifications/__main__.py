import sys
from collections.abc import Iterable
from pathlib import Path

from services.notifications import sending
from services.notifications.handlers import SUBSCRIPTIONS
from services.notifications.purging import PURGES
from services.notifications.replaying import PROJECTION
from services.notifications.settings import Settings
from shared.database import Database
from shared.messaging import Relay
from shared.messaging.replaying import replay_room
from shared.worker import Loop, prepare_room, run_room, start

ROOM = "notifications"
MIGRATIONS = Path(__file__).parent / "migrations"


def main() -> None:
    settings = Settings()

    def make_loops(database: Database, relay: Relay) -> Iterable[Loop]:
        return [sending.loop(database, relay, settings)]

    match sys.argv[1:]:
        case []:
            start(run_room(settings, ROOM, SUBSCRIPTIONS, make_loops, purges=PURGES))
        case ["migrate"]:
            start(prepare_room(settings, ROOM, MIGRATIONS, SUBSCRIPTIONS))
        case ["replay", *options]:
            start(replay_room(settings, ROOM, PROJECTION, options))
        case _:
            sys.exit("Usage: python -m services.notifications [migrate | replay]")


if __name__ == "__main__":
    main()
