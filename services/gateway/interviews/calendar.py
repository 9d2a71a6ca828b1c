"""A talk as a calendar file (RFC 5545)."""

from datetime import UTC, timedelta

from icalendar import Calendar, Event

from services.gateway.applications.queries import Application
from services.gateway.interviews.queries import Slot


def calendar_file(application: Application, slot: Slot) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//Sibol//Interviews//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(_event(application, slot))
    file: bytes = calendar.to_ical()
    return file


def _event(application: Application, slot: Slot) -> Event:
    event = Event()
    event.add("uid", f"{slot.id}@sibol")
    event.add("dtstamp", (slot.booked_at or slot.offered_at).astimezone(UTC))
    event.add("dtstart", slot.starts_at.astimezone(UTC))
    event.add("dtend", (slot.starts_at + timedelta(minutes=slot.minutes)).astimezone(UTC))
    event.add("summary", f"{application.organization_name}: {application.project_title}")
    event.add("location", slot.place)
    event.add("status", "CONFIRMED")
    return event
