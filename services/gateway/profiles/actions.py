from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.gateway.profiles import queries
from services.gateway.profiles.queries import Profile
from services.gateway.skills.rules import check_known
from services.gateway.versions import check_version
from shared import messaging
from shared.database import Connection
from shared.errors import NotFound
from shared.events.people import ProfileChanged


async def change_profile(
    conn: Connection,
    *,
    person_id: UUID,
    facts: Mapping[str, Any],
    levels: Mapping[str, int],
    expected: int | None,
) -> Profile:
    check_known(levels)
    async with conn.transaction():
        version = await queries.lock_profile_version(conn, person_id)
        if version is None:
            raise NotFound("No such profile.")
        check_version(expected, version)
        version = await queries.update_profile(conn, person_id=person_id, facts=facts)
        await queries.replace_skills(conn, person_id=person_id, levels=levels)
        await messaging.record(conn, ProfileChanged(person_id=person_id, version=version))
        profile = await queries.select_profile(conn, person_id)
    assert profile is not None
    return profile
