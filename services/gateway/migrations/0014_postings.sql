ALTER TABLE gateway.organizations
    ADD COLUMN kind text NOT NULL DEFAULT 'employer' CHECK (kind IN ('employer', 'school'));

ALTER TABLE gateway.projects
    ADD COLUMN kind text NOT NULL DEFAULT 'independent'
        CHECK (kind IN ('independent', 'school_internship', 'government_programme')),
    ADD COLUMN school_id uuid REFERENCES gateway.organizations (id),
    ADD COLUMN programme text,
    ADD COLUMN programme_reference text,
    ADD COLUMN credit_hours integer CHECK (credit_hours > 0),
    ADD COLUMN rights text NOT NULL DEFAULT 'on_request'
        CHECK (rights IN ('public', 'on_request', 'digest_only')),
    ADD COLUMN ai_use text NOT NULL DEFAULT 'disclosed'
        CHECK (ai_use IN ('free', 'disclosed', 'none')),
    ADD COLUMN review_days integer NOT NULL DEFAULT 5 CHECK (review_days BETWEEN 2 AND 14),
    ADD COLUMN pay_floor bigint NOT NULL DEFAULT 0 CHECK (pay_floor >= 0),
    ADD COLUMN extended boolean NOT NULL DEFAULT false,
    ADD COLUMN left_state text,
    ADD CHECK ((kind = 'school_internship') = (school_id IS NOT NULL)),
    ADD CHECK ((kind = 'school_internship') = (credit_hours IS NOT NULL)),
    ADD CHECK ((kind = 'independent') = (programme IS NULL)),
    ADD CHECK ((kind = 'government_programme') = (programme_reference IS NOT NULL));

COMMENT ON COLUMN gateway.projects.pay_floor IS
    'the lowest lawful fee on the day it was drafted, changed or sent for review, in centavos';
COMMENT ON COLUMN gateway.projects.left_state IS 'the state that it was suspended in';

CREATE INDEX projects_school_id ON gateway.projects (school_id) WHERE school_id IS NOT NULL;

ALTER TABLE gateway.freezes
    ADD COLUMN school_id uuid REFERENCES gateway.organizations (id),
    ADD CHECK ((scope = 'school') = (school_id IS NOT NULL));

COMMENT ON COLUMN gateway.freezes.place IS 'a region, or a school as profiles name it';

CREATE INDEX freezes_person_id ON gateway.freezes (person_id) WHERE person_id IS NOT NULL;
