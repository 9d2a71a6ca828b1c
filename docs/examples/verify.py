#!/usr/bin/env python3
"""Check a badge with a library that is not ours, and nothing but what the issuer publishes.

Usage: pip install 'openbadgeslib[ldp]'; python verify.py https://HOST/credentials/ID
"""

import json
import sys
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from openbadgeslib.ob3.ldp import OB3LdpVerifier

LONGEST = 5_000_000


def fetch(url: str) -> bytes:
    """did:web means HTTPS; only a trial on one's own machine has none."""
    parts = urlsplit(url)
    kind = HTTPConnection if parts.hostname == "localhost" else HTTPSConnection
    connection = kind(parts.netloc, timeout=10)
    connection.request("GET", parts.path)
    return connection.getresponse().read(LONGEST)


def verify(url: str) -> None:
    badge = fetch(url)
    issuer = json.loads(badge)["issuer"]["id"]
    found = OB3LdpVerifier.for_issuer_did(issuer).verify(
        badge,
        check_status=True,
        verify_status_list=False,  # this library knows only lists signed as JWT
        download=fetch,
    )
    sys.stdout.write(f"{found.achievement.name}: signed by {issuer} and not withdrawn\n")


if __name__ == "__main__":
    verify(sys.argv[1])
