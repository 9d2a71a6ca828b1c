import asyncio
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
    FOLDER,
    SIGNED_IN,
    Route,
    answer,
    connection,
    path_id,
    query,
    viewer,
)
from services.gateway.problems import TooLarge
from services.gateway.schemas import Request, View, line, one_line
from shared.errors import Invalid, NotFound
from shared.ids import new_id

CHUNK_SECONDS = 15


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
    stored = await storage.store(request.app[FOLDER], file_id, _chunks(request))
    async with connection(request) as conn:
        file = await queries.insert_file(
            conn,
            file_id=file_id,
            owner_id=viewer(request).id,
            name=wanted.name,
            media_type=request.content_type[:120],
            size=stored.size,
            sha256=stored.sha256,
        )
    return answer(FileView.of(file), status=201)


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(CHUNK_SECONDS):
                chunk = await request.content.read(CHUNK)
        except TimeoutError:
            raise Invalid(f"Nothing arrived for {CHUNK_SECONDS} seconds. Send again.") from None
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
    response = web.StreamResponse(headers=_headers(file))
    response.content_length = file.size
    await response.prepare(request)
    async for chunk in storage.read(request.app[FOLDER], file.id):
        await response.write(chunk)
    await response.write_eof()
    return response


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
