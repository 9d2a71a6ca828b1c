import json
from typing import Any

import pytest

from services.gateway.history import actions, queries
from services.gateway.history.schemas import TraceView
from shared.errors import NotFound
from shared.events import applications as say
from shared.events.matches import MatchExplained
from shared.events.origin import REAL, Origin
from shared.ids import new_id

MANY = 100_000
FILL = f"""
SET session_replication_role = replica;
INSERT INTO gateway.events (id, name, subject, sequence, occurred_at, data, correlation_id,
       actor_kind, tenant)
SELECT gen_random_uuid(), 'project.opened.v1', gen_random_uuid(), 1, now() - n * interval '1 s',
       '{{}}', gen_random_uuid(), 'system', 'ph' FROM generate_series(1, {MANY}) n;
INSERT INTO matching.events SELECT * FROM gateway.events;
INSERT INTO notifications.events SELECT * FROM gateway.events;
INSERT INTO credentialing.events SELECT * FROM gateway.events;
INSERT INTO matching.inbox SELECT id, name, now() FROM gateway.events;
INSERT INTO notifications.inbox SELECT id, name, now() FROM gateway.events;
INSERT INTO gateway.inbox SELECT id, name, now() FROM gateway.events;
INSERT INTO credentialing.inbox SELECT id, name, now() FROM gateway.events;
ANALYZE;
"""


class Explained:
    """Explains each statement, and gives what it says."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self.scanned: set[str] = set()

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        plan = await self._conn.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
        found = json.loads(plan) if isinstance(plan, str) else plan
        self._look(found[0]["Plan"])
        return await self._conn.fetch(statement, *values)

    def _look(self, plan: dict[str, Any]) -> None:
        if plan["Node Type"] == "Seq Scan":
            self.scanned.add(plan["Relation Name"])
        for part in plan.get("Plans", ()):
            self._look(part)


async def chain(place: Any) -> tuple[Any, Any, Origin]:
    """An application, and the match that another room said because of it."""
    origin = Origin(correlation_id=new_id())
    cause = await place.say(say.ApplicationSubmitted, "applicant", origin=origin)
    because = Origin(correlation_id=origin.correlation_id, causation_id=cause)
    effect = await place.say(
        MatchExplained,
        "system",
        room="matching",
        origin=because,
        score=0.5,
        passed=True,
        scorer="s",
    )
    return cause, effect, origin


async def test_a_path_leads_through_the_rooms_from_cause_to_effect(place):
    cause, effect, _ = await chain(place)
    await place.conn.execute(
        "INSERT INTO matching.inbox VALUES ($1, 'application.submitted.v1', now())", cause
    )

    found = TraceView.of(await actions.follow(place.conn, place.application_id, tenant=REAL))

    assert [event.id for event in found.events] == [cause]
    assert [each.room for each in found.events[0].handled] == ["matching"]
    assert [(child.id, child.room) for child in found.events[0].children] == [(effect, "matching")]


async def test_the_same_path_is_found_by_record_request_or_event(place):
    _, effect, origin = await chain(place)

    found = [
        TraceView.of(await actions.follow(place.conn, any_id, tenant=REAL))
        for any_id in (place.application_id, origin.correlation_id, effect)
    ]

    assert found[0] == found[1] == found[2]


async def test_what_waits_in_an_outbox_is_not_published(place):
    cause, _, _ = await chain(place)
    await place.conn.execute("DELETE FROM gateway.outbox WHERE event_id = $1", cause)

    found = TraceView.of(await actions.follow(place.conn, cause, tenant=REAL)).events[0]

    assert found.published
    assert not found.children[0].published


async def test_deliveries_tell_their_fate_but_no_address_and_no_text(place):
    cause, _, _ = await chain(place)
    await place.tell(cause, place.applicant)

    told = TraceView.of(await actions.follow(place.conn, cause, tenant=REAL)).events[0].told

    assert [(each.channel, each.state, each.attempts, each.reason) for each in told] == [
        ("email", "failed", 3, "mailbox_full")
    ]
    assert not {"email", "title", "text", "link"} & type(told[0]).model_fields.keys()


async def test_an_unknown_id_has_no_path(place):
    with pytest.raises(NotFound):
        await actions.follow(place.conn, new_id(), tenant=REAL)


async def test_the_gateway_may_follow_a_path_as_its_own_role(place):
    cause, _, _ = await chain(place)
    await place.conn.execute("SET ROLE sibol_gateway")

    found = await actions.follow(place.conn, cause, tenant=REAL)

    assert len(found.said) == 2


async def test_a_path_is_found_without_reading_every_event(place):
    await place.conn.execute(FILL)
    cause, _, _ = await chain(place)
    watched = Explained(place.conn)

    found = await actions.follow(watched, cause, tenant=REAL)
    await queries.select_steps(watched, place.application_id, names=["x"], after=cause, limit=25)

    assert len(found.said) == 2
    assert not watched.scanned & {"events", "inbox"}


async def test_a_moderator_of_another_tenant_finds_no_path(place):
    with pytest.raises(NotFound):
        await actions.follow(place.conn, place.application_id, tenant="sandbox-1")
