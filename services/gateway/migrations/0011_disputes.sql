CREATE TABLE gateway.proposals (
    id        uuid        PRIMARY KEY,
    record    text        NOT NULL CHECK (record IN ('engagement', 'milestone', 'dispute')),
    record_id uuid        NOT NULL,
    command   text        NOT NULL,
    terms     jsonb       NOT NULL,
    party     text        NOT NULL CHECK (party IN ('applicant', 'employer')),
    person_id uuid        NOT NULL REFERENCES gateway.people (id),
    made_at   timestamptz NOT NULL,
    UNIQUE (record_id, command)
);

-- For the SELECT of a record: what is proposed about it.
CREATE FUNCTION gateway.proposals_of(of_record uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'id', id, 'command', command, 'terms', terms, 'party', party, 'made_at', made_at)
               ORDER BY made_at), '[]')
      FROM gateway.proposals WHERE record_id = of_record
$$;

CREATE TABLE gateway.disputes (
    id              uuid        PRIMARY KEY,
    engagement_id   uuid        NOT NULL REFERENCES gateway.engagements (id),
    milestone_id    uuid        REFERENCES gateway.milestones (id),
    left_state      text        CHECK (left_state IN ('submitted', 'changes_requested')),
    project_id      uuid        NOT NULL REFERENCES gateway.projects (id),
    organization_id uuid        NOT NULL REFERENCES gateway.organizations (id),
    applicant_id    uuid        NOT NULL REFERENCES gateway.people (id),
    filer           text        NOT NULL CHECK (filer IN ('applicant', 'employer')),
    filer_id        uuid        NOT NULL REFERENCES gateway.people (id),
    fee             bigint      NOT NULL CHECK (fee >= 0),
    claim           bigint      NOT NULL CHECK (claim BETWEEN 0 AND fee),
    statement       text        NOT NULL,
    answer          text,
    answer_share    bigint      CHECK (answer_share BETWEEN 0 AND fee),
    mediator_id     uuid        REFERENCES gateway.people (id),
    outcome         text        CHECK (outcome IN ('continue', 'end', 'done')),
    intern_share    bigint      CHECK (intern_share BETWEEN 0 AND fee),
    reasons         text,
    appeal          text,
    appellant       text        CHECK (appellant IN ('applicant', 'employer')),
    appealed_at     timestamptz,
    appeal_mediator_id uuid     REFERENCES gateway.people (id) CHECK (appeal_mediator_id <> mediator_id),
    appeal_reasons  text,
    appeal_ended_at timestamptz,
    state           text        NOT NULL CHECK (state IN (
        'opened', 'answered', 'mediating', 'settled', 'decided', 'defaulted')),
    reason          text,
    version         integer     NOT NULL DEFAULT 0,
    opened_at       timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    CHECK ((milestone_id IS NULL) = (left_state IS NULL))
);

COMMENT ON COLUMN gateway.disputes.left_state IS 'the state of the milestone before the dispute';
COMMENT ON COLUMN gateway.disputes.fee IS 'what is disputed, in centavos; claim and the shares are what the intern gets of it';

CREATE UNIQUE INDEX disputes_of_milestone ON gateway.disputes (milestone_id)
 WHERE state IN ('opened', 'answered', 'mediating');
CREATE UNIQUE INDEX disputes_of_engagement ON gateway.disputes (engagement_id)
 WHERE milestone_id IS NULL AND state IN ('opened', 'answered', 'mediating');
CREATE INDEX disputes_engagement_id ON gateway.disputes (engagement_id);
CREATE INDEX disputes_applicant_id ON gateway.disputes (applicant_id, id);
CREATE INDEX disputes_organization_id ON gateway.disputes (organization_id, id);
CREATE INDEX disputes_waiting ON gateway.disputes (id)
 WHERE state IN ('opened', 'answered', 'mediating')
    OR (appealed_at IS NOT NULL AND appeal_ended_at IS NULL);
CREATE INDEX disputes_mediator_id ON gateway.disputes (mediator_id) WHERE state = 'mediating';

-- What was proposed in one state means nothing in the next.
CREATE FUNCTION gateway.drop_proposals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM gateway.proposals WHERE record_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER drop_proposals AFTER UPDATE OF state ON gateway.engagements
   FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION gateway.drop_proposals();
CREATE TRIGGER drop_proposals AFTER UPDATE OF state ON gateway.milestones
   FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION gateway.drop_proposals();
CREATE TRIGGER drop_proposals AFTER UPDATE OF state ON gateway.disputes
   FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION gateway.drop_proposals();

-- Every text that was ever agreed on, and who signed which.
CREATE TABLE gateway.agreements (
    engagement_id uuid        NOT NULL REFERENCES gateway.engagements (id),
    number        integer     NOT NULL CHECK (number > 0),
    text          text        NOT NULL,
    hash          bytea       NOT NULL,
    made_at       timestamptz NOT NULL,
    PRIMARY KEY (engagement_id, number)
);

INSERT INTO gateway.agreements
SELECT id, 1, agreement, agreement_hash, created_at FROM gateway.engagements;

ALTER TABLE gateway.signatures
    ADD COLUMN number integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT signatures_pkey,
    ADD PRIMARY KEY (engagement_id, number, party);

ALTER TABLE gateway.engagements
    ADD COLUMN agreement_number  integer     NOT NULL DEFAULT 1,
    ADD COLUMN applicant_seen_at timestamptz,
    ADD COLUMN employer_seen_at  timestamptz,
    ADD COLUMN help_asked_by     text        CHECK (help_asked_by IN ('applicant', 'employer')),
    ADD COLUMN help_by           timestamptz,
    ADD COLUMN paused_on         date,
    ADD COLUMN paused_until      date;

COMMENT ON COLUMN gateway.engagements.help_by IS 'by when help_asked_by was promised an answer';

ALTER TABLE gateway.milestones ADD COLUMN paused_days integer NOT NULL DEFAULT 0;

COMMENT ON COLUMN gateway.milestones.paused_days IS 'by how much a pause that still lasts has moved due_on';
