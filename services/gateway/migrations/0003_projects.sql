CREATE TABLE gateway.projects (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES gateway.organizations (id),
    title           text        NOT NULL,
    summary         text        NOT NULL,
    description     text        NOT NULL,
    language        text        NOT NULL CHECK (language IN ('fil', 'en')),
    languages       text[]      NOT NULL,
    industry        text        NOT NULL,
    region          text        NOT NULL,
    remote          boolean     NOT NULL,
    hours           integer     NOT NULL CHECK (hours BETWEEN 1 AND 200),
    weeks           integer     NOT NULL CHECK (weeks BETWEEN 1 AND 16),
    seats           integer     NOT NULL CHECK (seats BETWEEN 1 AND 50),
    fee             bigint      NOT NULL CHECK (fee > 0),
    currency        text        NOT NULL CHECK (currency = 'PHP'),
    answer_days     integer     NOT NULL CHECK (answer_days BETWEEN 1 AND 7),
    criteria        text[]      NOT NULL CHECK (cardinality(criteria) > 0),
    state           text        NOT NULL CHECK (state IN (
        'draft', 'in_review', 'awaiting_funding', 'changes_requested', 'open', 'paused',
        'selecting', 'filled', 'in_progress', 'suspended', 'discarded', 'rejected', 'expired',
        'cancelled', 'completed', 'removed')),
    reason          text,
    version         integer     NOT NULL DEFAULT 0,
    drafted_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    opened_at       timestamptz
);

COMMENT ON COLUMN gateway.projects.fee IS 'for one seat, in centavos';

CREATE INDEX projects_organization_id ON gateway.projects (organization_id, id);
CREATE INDEX projects_open ON gateway.projects (id) WHERE state = 'open';

CREATE TABLE gateway.project_skills (
    project_id uuid    NOT NULL REFERENCES gateway.projects (id) ON DELETE CASCADE,
    skill_id   text    NOT NULL,
    must_have  boolean NOT NULL,
    PRIMARY KEY (project_id, skill_id)
);

CREATE TABLE gateway.project_milestones (
    project_id  uuid    NOT NULL REFERENCES gateway.projects (id) ON DELETE CASCADE,
    position    integer NOT NULL CHECK (position >= 0),
    title       text    NOT NULL,
    description text    NOT NULL,
    due_days    integer NOT NULL CHECK (due_days BETWEEN 1 AND 120),
    fee         bigint  NOT NULL CHECK (fee >= 0),
    PRIMARY KEY (project_id, position)
);
