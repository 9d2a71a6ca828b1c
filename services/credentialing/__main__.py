import sys
from pathlib import Path

from services.credentialing.handlers import subscriptions
from services.credentialing.keys import open_keyring
from services.credentialing.settings import Settings
from services.credentialing.worker import loops
from shared import clock, skills
from shared.worker import prepare_room, run_room, start

ROOM = "credentialing"
MIGRATIONS = Path(__file__).parent / "migrations"


def main() -> None:
    settings = Settings.load()
    hears = subscriptions(settings.issuer)
    match sys.argv[1:]:
        case []:
            keyring = open_keyring(settings.keys_dir, did=settings.issuer.did, now=clock.now())
            skills.load()  # now, rather than within the first event
            start(run_room(settings, ROOM, hears, loops(settings.issuer, keyring)))
        case ["migrate"]:
            start(prepare_room(settings, ROOM, MIGRATIONS, hears))
        case _:
            sys.exit("Usage: python -m services.credentialing [migrate]")


if __name__ == "__main__":
    main()
