-- The skills of the gateway's rows at one version, unfolded: dear to gather, and counted for rarity.
CREATE TABLE matching.people (
    person_id uuid    PRIMARY KEY,
    version   integer NOT NULL,
    skills    text[]  NOT NULL
);

CREATE TABLE matching.projects (
    project_id uuid    PRIMARY KEY,
    version    integer NOT NULL,
    is_open    boolean NOT NULL,
    required   text[]  NOT NULL,
    must_have  text[]  NOT NULL,
    floor      double precision,
    told       bytea
);

COMMENT ON COLUMN matching.projects.floor IS
    'the lowest score that the full list had when all people were looked at; null while it is not full';

COMMENT ON COLUMN matching.projects.told IS
    'digest of the foremost people as last said in match.computed.v1';

CREATE INDEX projects_open ON matching.projects (project_id) WHERE is_open;

CREATE TABLE matching.matches (
    project_id      uuid             NOT NULL,
    person_id       uuid             NOT NULL,
    application_id  uuid,
    project_version integer          NOT NULL,
    profile_version integer          NOT NULL,
    passed          boolean          NOT NULL,
    score           double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    scorer          text             NOT NULL,
    explanation     jsonb            NOT NULL,
    computed_at     timestamptz      NOT NULL,
    PRIMARY KEY (project_id, person_id)
);

COMMENT ON COLUMN matching.matches.application_id IS
    'once applied, the record of the day: it is neither scored again nor deleted';

CREATE INDEX matches_of_project ON matching.matches (project_id, score DESC, person_id) WHERE passed;
CREATE INDEX matches_of_person ON matching.matches (person_id, score DESC, project_id);

-- What the other rooms may read. Additive changes only.
-- While a project is open, a match that rests on an older profile than the indexed one is hidden:
-- of two workers at the same pair, the one that read earlier may write later.

CREATE VIEW matching.public_matches AS
SELECT matches.project_id, matches.person_id, matches.passed, matches.score, matches.explanation,
       matches.scorer, matches.computed_at, coalesce(projects.is_open, false) AS is_open
  FROM matching.matches
  LEFT JOIN matching.projects ON projects.project_id = matches.project_id
  LEFT JOIN matching.people   ON people.person_id = matches.person_id
 WHERE matches.application_id IS NOT NULL
    OR projects.is_open IS NOT TRUE
    OR matches.profile_version >= coalesce(people.version, 0);
