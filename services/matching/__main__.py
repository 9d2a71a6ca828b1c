import gc
import sys
from pathlib import Path

from services.matching.handlers import SUBSCRIPTIONS
from services.matching.replaying import PROJECTION
from services.matching.settings import Settings
from shared import skills
from shared.messaging.replaying import replay_room
from shared.worker import prepare_room, run_room, start

ROOM = "matching"
MIGRATIONS = Path(__file__).parent / "migrations"


def main() -> None:
    match sys.argv[1:]:
        case []:
            skills.load()
            # scoring makes many small records; without this each full collection walks all that
            # was loaded once and for all, and holds up the loop for some 50 ms
            gc.freeze()
            start(run_room(Settings.load(), ROOM, SUBSCRIPTIONS))
        case ["migrate"]:
            start(prepare_room(Settings.load(), ROOM, MIGRATIONS, SUBSCRIPTIONS))
        case ["replay", *options]:
            start(replay_room(Settings.load(), ROOM, PROJECTION, options))
        case _:
            sys.exit("Usage: python -m services.matching [migrate | replay]")


if __name__ == "__main__":
    main()
