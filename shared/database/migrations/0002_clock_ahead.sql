-- A sandbox's clock may run ahead of the real one; an event says by how much, so that its effects
-- have its time.
ALTER TABLE events ADD COLUMN ahead interval NOT NULL DEFAULT '0';

CREATE INDEX events_of_sandboxes ON events (tenant, id) WHERE tenant <> 'ph';
