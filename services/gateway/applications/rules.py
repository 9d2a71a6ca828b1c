from datetime import date, timedelta

from services.gateway.lifecycles import APPLICATION, Who
from services.gateway.lifecycles.application import Status
from services.gateway.lifecycles.project import Status as ProjectStatus
from shared.errors import Conflict, Invalid, NotAllowed

COMMANDS = frozenset(
    {
        "start",
        "submit",
        "discard",
        "view",
        "shortlist",
        "offer",
        "not_select",
        "withdraw",
        "accept",
        "decline",
        "rescind",
        "remove",
    }
)
NEED_REASON = frozenset({"not_select", "rescind", "remove"})
MAY_GIVE_REASON = frozenset({"withdraw", "decline"})
LIVE = (Status.INVITED, Status.DRAFT, Status.SUBMITTED, Status.SEEN, Status.SHORTLISTED)
# An invitation takes no slot before it is taken up: nobody else fills a person's slots.
SLOTS = (Status.DRAFT, Status.SUBMITTED, Status.SEEN, Status.SHORTLISTED)
LIVE_APPLICATIONS = 20
SHORTEST_LETTER = 20
START_WITHIN = timedelta(days=60)


def allowed(state: str, who: frozenset[Who]) -> list[str]:
    return [name for name in APPLICATION.allowed(state, who) if name in COMMANDS]


def check_may_apply(*, project_state: ProjectStatus, is_member: bool, live: int) -> None:
    if is_member:
        raise NotAllowed("Nobody applies to a project of their own organization.")
    if project_state is not ProjectStatus.OPEN:
        raise Conflict(
            f"This project is {project_state.replace('_', ' ')}; it takes no applications now.",
            state=project_state,
        )
    if live >= LIVE_APPLICATIONS:
        raise Conflict(
            f"You have {live} applications waiting, the most one may have. Withdraw one first."
        )


def check_selecting(project_state: ProjectStatus) -> None:
    """A seat is offered and taken while its project looks for people."""
    if project_state not in {ProjectStatus.OPEN, ProjectStatus.SELECTING}:
        raise Conflict(
            f"This project is {project_state.replace('_', ' ')}; seats are offered and taken while "
            "it is open or selecting.",
            project_state=project_state,
        )


def check_may_invite(project_state: ProjectStatus) -> None:
    if project_state is not ProjectStatus.OPEN:
        raise Conflict(
            f"This project is {project_state.replace('_', ' ')}; people are invited while it is open.",
            state=project_state,
        )


def check_letter(cover_letter: str) -> None:
    """Whoever was invited has none at first."""
    if len(cover_letter) < SHORTEST_LETTER:
        raise Conflict(
            "Write your letter first: PUT /v1/applications/APPLICATION, with at least "
            f"{SHORTEST_LETTER} characters."
        )


def check_criteria(criteria_not_met: list[int], *, known: int) -> None:
    if unknown := sorted(set(criteria_not_met) - set(range(known))):
        raise Invalid(
            f"The project has {known} criteria, numbered from 0; it has no {unknown[0]}.",
            criteria=known,
        )


def check_start(starts_on: date, *, today: date) -> None:
    latest = today + START_WITHIN
    if not today <= starts_on <= latest:
        raise Invalid(f"The work must start between {today} and {latest}.", latest=str(latest))


def check_editable(state: Status) -> None:
    if state is not Status.DRAFT:
        raise Conflict("A letter can be changed while the application is a draft.", state=state)
