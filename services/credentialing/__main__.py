import sys
from pathlib import Path

from services.credentialing.handlers import subscriptions
from services.credentialing.keys import open_keyring
from services.credentialing.replaying import PROJECTION
from services.credentialing.settings import Settings
from services.credentialing.worker import both, loops
from shared import clock, skills
from shared.messaging.replaying import replay_room
from shared.worker import MakeLoops, prepare_room, run_room, start

ROOM = "credentialing"
MIGRATIONS = Path(__file__).parent / "migrations"


def main() -> None:
    settings = Settings.load()
    hears = subscriptions(settings.issuer)
    match sys.argv[1:]:
        case []:
            skills.load()  # now, rather than within the first event
            start(run_room(settings, ROOM, hears, both(_real(settings), _sandbox(settings))))
        case ["migrate"]:
            start(prepare_room(settings, ROOM, MIGRATIONS, hears))
        case ["replay", *options]:
            start(replay_room(settings, ROOM, PROJECTION, options))
        case _:
            sys.exit("Usage: python -m services.credentialing [migrate | replay]")


def _real(settings: Settings) -> MakeLoops:
    issuer = settings.issuer
    return loops(issuer, open_keyring(settings.keys_dir, did=issuer.did, now=clock.now()))


def _sandbox(settings: Settings) -> MakeLoops:
    issuer, folder = settings.issuer.sandbox, settings.keys_dir / "sandbox"
    keyring = open_keyring(folder, did=issuer.did, now=clock.now())
    return loops(issuer, keyring, sandbox=True)


if __name__ == "__main__":
    main()
