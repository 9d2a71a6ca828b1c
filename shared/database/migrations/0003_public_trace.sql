-- Which event led to which, and what each room did with it: ids and times, never an event's data.

CREATE INDEX events_correlation_id ON events (correlation_id);

-- The outbox has no index by event, and needs none: it is joined once, and short unless the broker
-- is away.
CREATE VIEW public_events AS
SELECT events.id, events.name, events.subject, events.sequence, events.occurred_at,
       events.correlation_id, events.causation_id, events.actor_kind, events.tenant,
       outbox.event_id IS NOT NULL AS in_outbox
  FROM events
  LEFT JOIN outbox ON outbox.event_id = events.id;

CREATE VIEW public_handled AS
SELECT event_id, handled_at FROM inbox;
