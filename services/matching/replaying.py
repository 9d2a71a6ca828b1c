"""What this room builds anew from the log: its index and the lists of open projects."""

from services.matching import queries
from services.matching.handlers import SUBSCRIPTIONS, match_person, match_project
from shared.database import Connection
from shared.events.people import ProfileChanged
from shared.events.projects import ProjectEvent
from shared.messaging import Subscription
from shared.messaging.replaying import Pass, Projection

EMPTY_SECONDS = 120


async def index_person(conn: Connection, event: ProfileChanged) -> None:
    await queries.index_person(conn, event.person_id)


async def index_project(conn: Connection, event: ProjectEvent) -> None:
    await queries.index_project(conn, event.project_id)


async def empty(conn: Connection) -> None:
    """The index, and the lists of projects that are open or gone. What was told of a project stays,
    so that nobody is told again."""
    await conn.execute(
        """LOCK TABLE matching.projects, matching.people, matching.matches
               IN SHARE ROW EXCLUSIVE MODE;
           DELETE FROM matching.people;
           DELETE FROM matching.projects
            WHERE project_id NOT IN (SELECT id FROM gateway.public_projects);
           UPDATE matching.projects
              SET version = 0, is_open = false, required = '{}', must_have = '{}', floor = NULL;
           DELETE FROM matching.matches
            WHERE application_id IS NULL
              AND project_id NOT IN (SELECT id FROM gateway.public_projects
                                      WHERE state <> 'open')""",
        timeout=EMPTY_SECONDS,
    )


INDEXING = [
    *(
        Subscription(item.event, index_person)
        for item in SUBSCRIPTIONS
        if item.handler is match_person
    ),
    *(
        Subscription(item.event, index_project)
        for item in SUBSCRIPTIONS
        if item.handler is match_project
    ),
]
# The lists hold the best of all people: to match each person again would find the same.
LISTS = [item for item in SUBSCRIPTIONS if item.handler is match_project]
OTHERS = [item for item in SUBSCRIPTIONS if item.handler not in (match_project, match_person)]

# First the whole index, which says how rare each skill is; then the lists rest on one count.
PROJECTION = Projection(
    what=(
        "Builds anew the index of people and projects and the lists of open projects, which are "
        "empty meanwhile and fill up again. Applications that were explained stay as they were, "
        "and so do the lists of closed projects. Nobody is told anything."
    ),
    passes=[Pass(INDEXING, latest=True), Pass(LISTS, latest=True), Pass(OTHERS)],
    empty=empty,
)
