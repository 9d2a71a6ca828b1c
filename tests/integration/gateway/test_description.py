"""The description of the API is true: a machine that reads it finds nothing else."""

import asyncio
import json
import os
import sys
from pathlib import Path

from openapi_spec_validator import validate

from services.gateway import openapi
from services.gateway.app import ROUTES
from tests.support.api import Life

SECONDS = 45
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
# Ends the session that all other calls use; `test_callers.py` asks for it.
NOT_ASKED = "DELETE /v1/sessions/current"


def test_the_description_is_valid():
    validate(json.loads(openapi.describe(ROUTES, "https://sibol.example")))


def test_every_operation_has_a_name_of_its_own():
    found = json.loads(openapi.describe(ROUTES, "https://sibol.example"))
    names = [
        operation["operationId"] for path in found["paths"].values() for operation in path.values()
    ]

    assert len(names) == len(set(names)) == len(ROUTES)


async def test_a_machine_that_reads_the_description_finds_no_fault(still, tmp_path):
    life = await Life.between(still.api)
    await life.post_project()

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{still.base}/openapi.json"),
        *("--url", still.base, "--header", f"Authorization: Bearer {life.employer.token}"),
        *("--checks", ",".join(CHECKS), "--seed", "1", "--exclude-path", NOT_ASKED.split()[1]),
        *("--phases", "examples,coverage", "--max-time", str(SECONDS), "--no-color"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS * 3):
        said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()[-12000:]
