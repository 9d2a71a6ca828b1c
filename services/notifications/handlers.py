from services.notifications import queries, rendering, texts
from services.notifications.audience import AUDIENCE, is_worth_a_mail, told
from services.notifications.queries import Notice, Recipient
from services.notifications.records import Records, records_of
from services.notifications.rendering import Facts
from shared import clock
from shared.database import Connection
from shared.events.base import Event
from shared.ids import new_id
from shared.messaging import on


async def tell_people(conn: Connection, event: Event) -> None:
    """Write a notice, and most often a due mail, for each person whom the event concerns."""
    roles = told(event)
    if not roles:
        return
    records = records_of(event)
    recipients = await queries.select_recipients(conn, records, roles, tenant=event.envelope.tenant)
    if not recipients:
        return
    facts = await queries.select_facts(conn, records)
    await queries.insert_notices(
        conn,
        [_notice(event, recipient, records, facts) for recipient in recipients],
        event_id=event.envelope.id,
        kind=event.name,
        subject=event.subject,
        link=records.link,
        correlation_id=event.envelope.correlation_id,
        tenant=event.envelope.tenant,
        now=clock.now(),
        with_mail=is_worth_a_mail(event),
    )


def _notice(event: Event, recipient: Recipient, records: Records, facts: Facts) -> Notice:
    locale = recipient.locale
    template = texts.template_of(event, recipient.role, locale)
    rendered = rendering.render(template, facts, locale, records.reason)
    return Notice(
        id=new_id(),
        delivery_id=new_id(),
        person_id=recipient.person_id,
        locale=locale,
        title=rendered.title,
        text=rendered.text,
        action=rendered.action,
    )


SUBSCRIPTIONS = [on(event, tell_people) for event in AUDIENCE]
