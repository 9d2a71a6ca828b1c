CREATE TABLE gateway.engagements (
    id              uuid        PRIMARY KEY,
    application_id  uuid        NOT NULL UNIQUE REFERENCES gateway.applications (id),
    project_id      uuid        NOT NULL REFERENCES gateway.projects (id),
    organization_id uuid        NOT NULL REFERENCES gateway.organizations (id),
    applicant_id    uuid        NOT NULL REFERENCES gateway.people (id),
    agreement       text        NOT NULL,
    agreement_hash  bytea       NOT NULL,
    starts_on       date        NOT NULL,
    state           text        NOT NULL CHECK (state IN (
        'agreeing', 'scheduled', 'active', 'paused', 'stalled', 'wrapping_up', 'disputed',
        'not_agreed', 'not_started', 'completed', 'terminated')),
    reason          text,
    version         integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    started_at      timestamptz,
    ended_at        timestamptz
);

CREATE INDEX engagements_project_id ON gateway.engagements (project_id, id);
CREATE INDEX engagements_applicant_id ON gateway.engagements (applicant_id, id);
CREATE INDEX engagements_organization_id ON gateway.engagements (organization_id, id);

CREATE TABLE gateway.signatures (
    engagement_id uuid        NOT NULL REFERENCES gateway.engagements (id),
    party         text        NOT NULL CHECK (party IN ('applicant', 'employer', 'school')),
    person_id     uuid        NOT NULL REFERENCES gateway.people (id),
    text_hash     bytea       NOT NULL,
    signed_at     timestamptz NOT NULL,
    PRIMARY KEY (engagement_id, party)
);

CREATE TABLE gateway.check_ins (
    id            uuid        PRIMARY KEY,
    engagement_id uuid        NOT NULL REFERENCES gateway.engagements (id),
    party         text        NOT NULL CHECK (party IN ('applicant', 'employer')),
    mood          text        NOT NULL CHECK (mood IN ('fine', 'slow', 'stuck')),
    note          text        NOT NULL DEFAULT '',
    said_at       timestamptz NOT NULL
);

CREATE INDEX check_ins_engagement_id ON gateway.check_ins (engagement_id, id);

CREATE TABLE gateway.milestones (
    id            uuid        PRIMARY KEY,
    engagement_id uuid        NOT NULL REFERENCES gateway.engagements (id),
    position      integer     NOT NULL,
    title         text        NOT NULL,
    description   text        NOT NULL,
    due_on        date        NOT NULL,
    fee           bigint      NOT NULL,
    state         text        NOT NULL CHECK (state IN (
        'planned', 'ready', 'in_work', 'submitted', 'changes_requested', 'disputed', 'accepted',
        'cancelled')),
    reason        text,
    rounds        integer     NOT NULL DEFAULT 0,
    version       integer     NOT NULL DEFAULT 0,
    changed_at    timestamptz NOT NULL,
    UNIQUE (engagement_id, position)
);

CREATE TABLE gateway.deliverables (
    milestone_id uuid        NOT NULL REFERENCES gateway.milestones (id),
    number       integer     NOT NULL CHECK (number > 0),
    note         text        NOT NULL,
    criteria_met integer[]   NOT NULL,
    submitted_at timestamptz NOT NULL,
    review       text,
    criteria_unmet integer[],
    PRIMARY KEY (milestone_id, number)
);

CREATE TABLE gateway.deliverable_files (
    milestone_id uuid    NOT NULL,
    number       integer NOT NULL,
    file_id      uuid    NOT NULL REFERENCES gateway.files (id),
    PRIMARY KEY (milestone_id, number, file_id),
    FOREIGN KEY (milestone_id, number) REFERENCES gateway.deliverables (milestone_id, number)
);

CREATE INDEX deliverable_files_file_id ON gateway.deliverable_files (file_id);

CREATE TABLE gateway.feedback (
    engagement_id uuid        NOT NULL REFERENCES gateway.engagements (id),
    party         text        NOT NULL CHECK (party IN ('applicant', 'employer')),
    author_id     uuid        NOT NULL REFERENCES gateway.people (id),
    rating        smallint    NOT NULL CHECK (rating BETWEEN 1 AND 5),
    words         text        NOT NULL,
    given_at      timestamptz NOT NULL,
    PRIMARY KEY (engagement_id, party)
);
