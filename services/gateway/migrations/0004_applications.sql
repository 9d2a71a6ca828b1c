CREATE TABLE gateway.applications (
    id               uuid        PRIMARY KEY,
    project_id       uuid        NOT NULL REFERENCES gateway.projects (id),
    applicant_id     uuid        NOT NULL REFERENCES gateway.people (id),
    cover_letter     text        NOT NULL,
    profile_version  integer     NOT NULL,
    profile_snapshot jsonb       NOT NULL,
    state            text        NOT NULL CHECK (state IN (
        'invited', 'draft', 'submitted', 'seen', 'shortlisted', 'offered', 'invite_declined',
        'invite_lapsed', 'discarded', 'withdrawn', 'not_selected', 'no_response',
        'declined_by_applicant', 'offer_lapsed', 'offer_rescinded', 'accepted', 'closed', 'removed')),
    reason           text,
    match_score      double precision,
    version          integer     NOT NULL DEFAULT 0,
    drafted_at       timestamptz NOT NULL,
    submitted_at     timestamptz,
    changed_at       timestamptz NOT NULL,
    UNIQUE (project_id, applicant_id)
);

CREATE INDEX applications_applicant_id ON gateway.applications (applicant_id, id);

CREATE TABLE gateway.offers (
    application_id uuid        PRIMARY KEY REFERENCES gateway.applications (id),
    message        text        NOT NULL,
    starts_on      date        NOT NULL,
    fee            bigint      NOT NULL,
    made_by        uuid        NOT NULL REFERENCES gateway.people (id),
    made_at        timestamptz NOT NULL
);
