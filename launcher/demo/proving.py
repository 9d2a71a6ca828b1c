"""What must hold when a life has been played, however often a room was ended meanwhile."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from launcher.demo.api import Api
from launcher.demo.watching import Watch
from launcher.errors import Refused
from services.credentialing.keys import public_key
from services.credentialing.proof import from_bytes, verify_proof
from shared.errors import Invalid

ONES = """SELECT (SELECT count(*) FROM gateway.engagements WHERE project_id = $1) AS engagements,
                 (SELECT count(*) FROM gateway.credentials WHERE project_id = $1) AS credentials,
                 (SELECT count(*) FROM credentialing.badges
                    JOIN gateway.credentials ON credentials.id = badges.credential_id
                   WHERE project_id = $1 AND document IS NOT NULL) AS badges"""
MARKS = " UNION ALL ".join(
    f"SELECT '{room}' AS room, event_id FROM {room}.inbox WHERE event_id = ANY($1)"  # noqa: S608
    for room in ("gateway", "matching", "notifications", "credentialing")
)
NOTICES = "SELECT event_id, person_id FROM notifications.notices WHERE event_id = ANY($1)"
LEDGER = """SELECT (SELECT count(*) FROM gateway.ledger_transactions) AS transactions,
                   (SELECT count(*) FROM (SELECT FROM gateway.ledger_entries GROUP BY transaction_id
                                          HAVING sum(amount) <> 0) AS uneven) AS uneven,
                   (SELECT coalesce(sum(balance), 0) FROM gateway.ledger_accounts) AS total"""
SEQUENCES = """SELECT subject, count(*) AS said, max(sequence) AS newest
                 FROM gateway.events WHERE subject = ANY($1) GROUP BY subject"""


@dataclass(frozen=True)
class Finding:
    holds: bool
    text: str


async def findings(watch: Watch, project_id: str) -> list[Finding]:
    await watch.settled()
    return [
        await _ones(watch, project_id),
        await _handled(watch),
        *await _told(watch),
        await _balanced(watch),
    ]


async def _ones(watch: Watch, project_id: str) -> Finding:
    row = (await watch.fetch(ONES, project_id))[0]
    counts = {name: row[name] for name in ("engagements", "credentials", "badges")}
    holds = set(counts.values()) == {1}
    text = "exactly 1 engagement, 1 credential and 1 signed badge"
    return Finding(holds, text if holds else f"not one of each: {counts}")


async def _handled(watch: Watch) -> Finding:
    events = await watch.events()
    marks = Counter(
        (mark["room"], mark["event_id"])
        for mark in await watch.fetch(MARKS, [event.id for event in events])
    )
    wanted = sum(len(event.heard) + len(event.waits_for) for event in events)
    once = len(marks) == marks.total() == wanted
    text = f"{len(events)} events; each room that listens handled each exactly once, {wanted} times in all"
    return Finding(once, text if once else f"{wanted} to be handled; marks: {marks.total()}")


async def _told(watch: Watch) -> list[Finding]:
    events = await watch.events()
    rows = await watch.fetch(NOTICES, [event.id for event in events])
    told = Counter((row["event_id"], row["person_id"]) for row in rows)
    doubled = told.total() - len(told)
    sequences = await watch.fetch(SEQUENCES, list(watch.records))
    gaps = sum(row["said"] != row["newest"] for row in sequences)
    return [
        Finding(not doubled, f"{told.total()} notices, {doubled or 'none'} told twice"),
        Finding(not gaps, f"{len(sequences)} records, {gaps or 'none'} with a gap in its history"),
    ]


async def _balanced(watch: Watch) -> Finding:
    row = (await watch.fetch(LEDGER))[0]
    holds = row["uneven"] == row["total"] == 0
    text = (
        f"{row['transactions']} ledger transactions; each, and all accounts together, come to zero"
    )
    return Finding(holds, text if holds else f"the ledger is off: {dict(row)}")


async def check_badge(api: Api, credential_id: str) -> list[Finding]:
    """Verify the public badge here, with nothing but what the issuer publishes."""
    content = await api.document(f"/credentials/{credential_id}")
    issuer = json.loads(await api.document("/.well-known/did.json"))
    return await asyncio.to_thread(_checked, from_bytes(content), issuer)


def _checked(badge: dict[str, Any], issuer: dict[str, Any]) -> list[Finding]:
    fits = _is_signed(badge, issuer)
    changed = _is_signed(badge | {"validFrom": "2000-01-01T00:00:00Z"}, issuer)
    return [
        Finding(fits, f"the badge's signature fits the key that {issuer['id']} publishes"),
        Finding(not changed, "with another date in it, the same badge is refused"),
    ]


def of_a_trial(badge: dict[str, Any], trial: dict[str, Any], real: dict[str, Any]) -> list[Finding]:
    """A sandbox's badge is signed, and nobody can take it for a real one."""
    own = _is_signed(badge, trial) and badge["issuer"]["id"] == trial["id"] != real["id"]
    return [
        Finding(own, f"the sandbox's badge is signed by {trial['id']}"),
        Finding(
            not _is_signed(badge, real),
            "with the keys of the real issuer, the same badge is refused",
        ),
    ]


def _is_signed(badge: dict[str, Any], issuer: dict[str, Any]) -> bool:
    try:
        verify_proof(badge, lambda key_id: public_key(issuer, key_id))
    except Invalid:
        return False
    return True


def require(found: list[Finding]) -> None:
    broken = [finding.text for finding in found if not finding.holds]
    if broken:
        raise Refused(f"The demo found what must not be: {'; '.join(broken)}.")
