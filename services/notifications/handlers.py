from collections.abc import Sequence

from services.notifications import queries, rendering, texts
from services.notifications.audience import AUDIENCE, is_worth_a_mail, told
from services.notifications.queries import Notice, Occasion, Recipient
from services.notifications.records import Records, records_of
from services.notifications.rendering import Facts
from shared import clock
from shared.database import Connection
from shared.events.base import Event
from shared.ids import new_id
from shared.messaging import on_many


async def tell_people(conn: Connection, events: Sequence[Event]) -> None:
    """Write a notice, and most often a due mail, for each person whom an event concerns."""
    asked = [(event, records_of(event), roles) for event in events if (roles := told(event))]
    if not asked:
        return
    tenant = events[0].envelope.tenant
    concerned = await queries.select_recipients(
        conn, [(records, roles) for _, records, roles in asked], tenant=tenant
    )
    heard = [
        (event, records, recipients)
        for (event, records, _), recipients in zip(asked, concerned, strict=True)
        if recipients
    ]
    if not heard:
        return
    facts = await queries.select_facts(conn, [records for _, records, _ in heard])
    notices = [
        notice
        for each, known in zip(heard, facts, strict=True)
        for notice in _notices(*each, known)
    ]
    await queries.insert_notices(conn, notices, tenant=tenant)


def _notices(
    event: Event, records: Records, recipients: Sequence[Recipient], facts: Facts
) -> list[Notice]:
    envelope = event.envelope
    occasion = Occasion(
        event_id=envelope.id,
        kind=event.name,
        subject=event.subject,
        link=records.link,
        correlation_id=envelope.correlation_id,
        at=clock.now() + envelope.ahead,
        with_mail=is_worth_a_mail(event),
    )
    return [_notice(event, occasion, recipient, records, facts) for recipient in recipients]


def _notice(
    event: Event, occasion: Occasion, recipient: Recipient, records: Records, facts: Facts
) -> Notice:
    locale = recipient.locale
    template = texts.template_of(event, recipient.role, locale)
    rendered = rendering.render(template, facts, locale, records.reason)
    return Notice(
        id=new_id(),
        delivery_id=new_id(),
        occasion=occasion,
        person_id=recipient.person_id,
        locale=locale,
        title=rendered.title,
        text=rendered.text,
        action=rendered.action,
    )


SUBSCRIPTIONS = [on_many(event, tell_people) for event in AUDIENCE]
