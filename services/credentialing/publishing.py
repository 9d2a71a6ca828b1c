"""What strangers need to check a badge, for the gateway to serve: the keys and the achievements."""

from services.credentialing import badges, queries
from services.credentialing.awards import Achievement, Language
from services.credentialing.document import Issuer, build_achievement
from services.credentialing.keys import KeyRing, did_document
from services.credentialing.proof import to_bytes
from shared import clock
from shared.database import Connection


async def publish(
    conn: Connection, issuer: Issuer, keyring: KeyRing, *, sandbox: bool = False
) -> None:
    async with conn.transaction():
        await queries.upsert_issuer(
            conn,
            did=keyring.did,
            did_document=did_document(keyring),
            sandbox=sandbox,
            now=clock.now(),
        )
        for achievement in badges.offered(sandbox=sandbox):
            for language in Language:
                await _publish_achievement(conn, achievement, issuer, language, sandbox=sandbox)


async def _publish_achievement(
    conn: Connection,
    achievement: Achievement,
    issuer: Issuer,
    language: Language,
    *,
    sandbox: bool,
) -> None:
    document = build_achievement(achievement, issuer=issuer, language=language)
    await queries.upsert_achievement(
        conn,
        slug=achievement.slug,
        version=achievement.version,
        language=language,
        sandbox=sandbox,
        document=to_bytes(document),
        image=achievement.image.decode(),
    )
