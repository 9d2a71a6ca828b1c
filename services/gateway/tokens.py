"""Opaque tokens: 256 random bits given once to the person, kept hashed."""

import hashlib
import secrets
from datetime import timedelta

LIFETIME = timedelta(days=30)
PREFIX = "sibol_"


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
