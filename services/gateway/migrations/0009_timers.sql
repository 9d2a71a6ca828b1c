-- What silence will do, and when: one row for each deadline and each reminder of a record's present
-- state, written with the state and gone with it.
CREATE TABLE gateway.timers (
    id              uuid             PRIMARY KEY,
    record          text             NOT NULL,
    record_id       uuid             NOT NULL,
    state           text             NOT NULL,
    name            text             NOT NULL,
    is_reminder     boolean          NOT NULL,
    waits_on        text[]           NOT NULL,
    starts_at       timestamptz      NOT NULL,
    days            double precision NOT NULL CHECK (days >= 0),
    rings_after     double precision NOT NULL CHECK (rings_after >= 0),
    days_before     double precision NOT NULL DEFAULT 0 CHECK (days_before >= 0),
    days_again      double precision CHECK (days_again > 0),
    working         boolean          NOT NULL,
    not_after       timestamptz,
    due_at          timestamptz      NOT NULL,
    ends_at         timestamptz      NOT NULL,
    applicant_id    uuid             REFERENCES gateway.people (id) ON DELETE CASCADE,
    organization_id uuid             REFERENCES gateway.organizations (id),
    correlation_id  uuid             NOT NULL,
    tenant          text             NOT NULL,
    taken_until     timestamptz
);

COMMENT ON COLUMN gateway.timers.due_at IS 'when it fires; a reminder fires before its deadline, ends_at';
COMMENT ON COLUMN gateway.timers.applicant_id IS 'whose freezes count, because the clock waits for them; so with organization_id';
COMMENT ON COLUMN gateway.timers.taken_until IS 'the end of the lease of the process that fires it';

CREATE INDEX timers_due_at ON gateway.timers (due_at);
CREATE INDEX timers_record_id ON gateway.timers (record_id);
CREATE INDEX timers_applicant_id ON gateway.timers (applicant_id);
CREATE INDEX timers_organization_id ON gateway.timers (organization_id);
CREATE INDEX timers_tenant ON gateway.timers (tenant, due_at) WHERE tenant <> 'ph';

-- Time that does not count, for those of a region or a school, or for one person.
CREATE TABLE gateway.freezes (
    id          uuid        PRIMARY KEY,
    scope       text        NOT NULL CHECK (scope IN ('region', 'school', 'person')),
    place       text,
    person_id   uuid        REFERENCES gateway.people (id) ON DELETE CASCADE,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL CHECK (ends_at >= starts_at),
    reason      text        NOT NULL,
    declared_by uuid        NOT NULL REFERENCES gateway.people (id) ON DELETE CASCADE,
    declared_at timestamptz NOT NULL,
    tenant      text        NOT NULL,
    CHECK ((scope = 'person') = (person_id IS NOT NULL)),
    CHECK ((scope = 'person') = (place IS NULL))
);

CREATE INDEX freezes_ends_at ON gateway.freezes (ends_at);

ALTER TABLE gateway.people ADD COLUMN clock_multiplier double precision NOT NULL DEFAULT 1
    CHECK (clock_multiplier BETWEEN 1 AND 2);

COMMENT ON COLUMN gateway.people.clock_multiplier IS 'extra time, as a right; shown to nobody else';

CREATE VIEW gateway.public_duties AS
SELECT person_id, duty FROM (SELECT id AS person_id, unnest(duties) AS duty FROM gateway.people) AS each;

-- The deadlines of one record, the next one first.
CREATE FUNCTION gateway.due_timers(of_record uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'due_at', due_at,
                                                 'waits_on', waits_on) ORDER BY due_at), '[]')
      FROM gateway.timers WHERE record_id = of_record AND NOT is_reminder
$$;
