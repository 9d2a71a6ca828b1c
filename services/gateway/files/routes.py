import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Self
from urllib.parse import quote
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator

from services.gateway.files import queries, storage
from services.gateway.files.queries import File
from services.gateway.files.storage import CHUNK, LARGEST_FILE
from services.gateway.http import (
    CLIENT_SECONDS,
    FOLDER,
    SIGNED_IN,
    Route,
    answer,
    connection,
    path_id,
    query,
    viewer,
)
from services.gateway.problems import TooLarge, TooSlow
from services.gateway.schemas import Request, View, line, one_line
from shared.errors import NotFound
from shared.ids import new_id

UPLOAD_SECONDS = 600
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")


def _plain_name(name: str) -> str:
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise ValueError("must be a file's name, without a folder")
    return name


class FileQuery(Request):
    name: Annotated[str, line(200), AfterValidator(one_line), AfterValidator(_plain_name)]


class FileView(View):
    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    uploaded_at: datetime

    @classmethod
    def of(cls, file: File) -> Self:
        own = {"sha256": file.sha256.hex()}
        facts = {name: getattr(file, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)


async def upload(request: web.Request) -> web.Response:
    """The body is the file itself; its kind is the Content-Type."""
    wanted = query(request, FileQuery)
    if (request.content_length or 0) > LARGEST_FILE:
        raise TooLarge(f"A file may hold at most {LARGEST_FILE // 1024 // 1024} MiB.")
    file_id = new_id()
    folder = request.app[FOLDER]
    async with storage.kept_if_well(folder, file_id):
        stored = await storage.store(folder, file_id, _chunks(request))
        async with connection(request) as conn:
            file = await queries.insert_file(
                conn,
                file_id=file_id,
                owner_id=viewer(request).id,
                name=wanted.name,
                media_type=_media_type(request),
                size=stored.size,
                sha256=stored.sha256,
            )
    return answer(FileView.of(file), status=201)


def _media_type(request: web.Request) -> str:
    named = request.content_type
    return named if MEDIA_TYPE.fullmatch(named) else "application/octet-stream"


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    """Neither may a client be silent, nor may its drops go on for ever."""
    end = time.monotonic() + UPLOAD_SECONDS
    while True:
        seconds = min(request.app[CLIENT_SECONDS], end - time.monotonic())
        try:
            async with asyncio.timeout(seconds):
                chunk = await request.content.read(CHUNK)
        except TimeoutError:
            raise TooSlow("The file did not arrive in time. Send it again.") from None
        if not chunk:
            return
        yield chunk


async def download(request: web.Request) -> web.StreamResponse:
    async with connection(request) as conn:
        file = await queries.select_file(
            conn, path_id(request, "file_id"), viewer_id=viewer(request).id
        )
    if file is None:
        raise NotFound("No such file.")
    chunks = await storage.find(request.app[FOLDER], file.id)
    response = web.StreamResponse(headers=_headers(file))
    response.content_length = file.size
    await response.prepare(request)
    if request.method != "HEAD":
        await _write(request, response, chunks)
    await response.write_eof()
    return response


async def _write(
    request: web.Request, response: web.StreamResponse, chunks: AsyncIterator[bytes]
) -> None:
    async for chunk in chunks:
        try:
            async with asyncio.timeout(request.app[CLIENT_SECONDS]):
                await response.write(chunk)
        except TimeoutError:
            # Half an answer cannot become another one.
            raise ConnectionResetError("Nobody reads this file.") from None


def _headers(file: File) -> dict[str, str]:
    """Always an attachment: a stranger's file must not run as a page of ours."""
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "private, max-age=3600",
        "ETag": f'"{file.sha256.hex()}"',
    }


ROUTES = [
    Route(
        "POST",
        "/v1/files",
        upload,
        "Upload a file of up to 25 MiB; the body is the file itself",
        (SIGNED_IN,),
        filters=FileQuery,
        gives=FileView,
        status=201,
        takes_file=True,
    ),
    Route(
        "GET",
        "/v1/files/{file_id}",
        download,
        "Download a file that is mine or was handed in to me",
        ("applicant", "employer"),
        media_type="application/octet-stream",
    ),
]
