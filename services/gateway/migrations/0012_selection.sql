ALTER TABLE gateway.applications
    ADD COLUMN slot_returned    boolean   NOT NULL DEFAULT false,
    ADD COLUMN criteria_not_met integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN invited_for      text,
    ADD COLUMN clashed_at       timestamptz;

COMMENT ON COLUMN gateway.applications.slot_returned IS
    'unanswered past its time: it no longer counts among those one may have waiting';
COMMENT ON COLUMN gateway.applications.invited_for IS 'why the employer invited this person: a code';
COMMENT ON COLUMN gateway.applications.clashed_at IS
    'when its withdrawal was proposed, because the hours went to other work';

CREATE INDEX applications_project_id ON gateway.applications (project_id, id);

-- Whom the employer wants next, should a seat fall free: an order that stands until it is changed.
CREATE TABLE gateway.rankings (
    project_id      uuid        PRIMARY KEY REFERENCES gateway.projects (id),
    application_ids uuid[]      NOT NULL,
    message         text        NOT NULL,
    starts_on       date        NOT NULL,
    made_by         uuid        NOT NULL REFERENCES gateway.people (id),
    made_at         timestamptz NOT NULL
);

-- One for each seat that fell free, so that none is offered on twice.
CREATE TABLE gateway.runners_up (
    after_id       uuid        PRIMARY KEY REFERENCES gateway.applications (id),
    application_id uuid        NOT NULL REFERENCES gateway.applications (id),
    offered_at     timestamptz NOT NULL
);

COMMENT ON COLUMN gateway.runners_up.after_id IS 'the application that lost the seat';

-- Whoever left others waiting, on either side.
CREATE TABLE gateway.faults (
    id              uuid        PRIMARY KEY,
    organization_id uuid        REFERENCES gateway.organizations (id),
    person_id       uuid        REFERENCES gateway.people (id) ON DELETE CASCADE,
    kind            text        NOT NULL CHECK (kind IN (
        'missed_answer', 'expired_undecided', 'no_show', 'silence')),
    record_id       uuid        NOT NULL,
    at              timestamptz NOT NULL,
    UNIQUE (record_id, kind),
    CHECK (num_nonnulls(organization_id, person_id) = 1)
);

CREATE INDEX faults_organization_id ON gateway.faults (organization_id, at);
CREATE INDEX faults_person_id ON gateway.faults (person_id, at);

CREATE TABLE gateway.interview_slots (
    id             uuid        PRIMARY KEY,
    application_id uuid        NOT NULL REFERENCES gateway.applications (id),
    starts_at      timestamptz NOT NULL,
    minutes        integer     NOT NULL CHECK (minutes BETWEEN 5 AND 240),
    place          text        NOT NULL,
    offered_by     uuid        NOT NULL REFERENCES gateway.people (id),
    offered_at     timestamptz NOT NULL,
    booked_at      timestamptz,
    UNIQUE (application_id, starts_at)
);

COMMENT ON COLUMN gateway.interview_slots.place IS 'an address or a link; known to the two sides alone';

CREATE UNIQUE INDEX interview_slots_booked ON gateway.interview_slots (application_id)
    WHERE booked_at IS NOT NULL;
