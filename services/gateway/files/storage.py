"""Where uploaded files lie: a folder or any object store, by address."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from shared.errors import Invalid, NotFound

LARGEST_FILE = 25 * 1024 * 1024
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Stored:
    size: int
    sha256: bytes


def open_folder(url: str) -> ObjectStore:
    """`file:///path`, `s3://bucket/prefix`, `gs://...`, `az://...`"""
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        folder.mkdir(parents=True, exist_ok=True)
        return LocalStore(folder)
    return from_url(url)


async def store(folder: ObjectStore, file_id: UUID, chunks: AsyncIterator[bytes]) -> Stored:
    """Stream to the store, and refuse what is too large or empty."""
    digest, size = hashlib.sha256(), 0
    async with obstore.open_writer_async(folder, str(file_id)) as writer:
        async for chunk in chunks:
            size += len(chunk)
            if size > LARGEST_FILE:
                break
            digest.update(chunk)
            await writer.write(chunk)
    if not 0 < size <= LARGEST_FILE:
        raise Invalid(f"A file holds 1 byte to {LARGEST_FILE // 1024 // 1024} MiB.")
    return Stored(size, digest.digest())


@asynccontextmanager
async def kept_if_well(folder: ObjectStore, file_id: UUID) -> AsyncIterator[None]:
    """Whatever goes wrong inside, an interrupted upload too, leaves no file."""
    try:
        yield
    except BaseException:
        with suppress(FileNotFoundError):
            await obstore.delete_async(folder, str(file_id))
        raise


async def find(folder: ObjectStore, file_id: UUID) -> AsyncIterator[bytes]:
    """Its chunks, once it is known to be there."""
    try:
        found = await obstore.get_async(folder, str(file_id))
    except FileNotFoundError:
        raise NotFound("The file is no longer kept.") from None
    stream = found.stream(min_chunk_size=CHUNK)
    return (bytes(chunk) async for chunk in stream)
