from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from shared.database.migrate import ROOMS

ROOT = Path(__file__).parents[2]
MIGRATIONS = {room: ROOT / "services" / room / "migrations" for room in ROOMS}
SHARED_DATA = ROOT.parent / "shared"


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
