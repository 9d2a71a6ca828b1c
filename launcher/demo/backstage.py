"""Where the running set keeps what the API does not show."""

import os
from dataclasses import dataclass

from launcher import places, running
from launcher.errors import Refused


@dataclass(frozen=True)
class Backstage:
    database_url: str
    mails_url: str | None = None


def find(api_url: str) -> Backstage:
    record = running.running(places.ordinary())
    if record and record.addresses.get("API") == api_url and "database_url" in record.servers:
        return Backstage(record.servers["database_url"], record.addresses.get("Mails sent"))
    if url := os.environ.get("SIBOL_DATABASE_URL"):
        return Backstage(url)
    raise Refused(
        f"Nothing known about the servers behind {api_url}. "
        "Start them with ./sibol up, or set SIBOL_DATABASE_URL to their database."
    )
