"""Which steps of a record whom concern."""

from collections.abc import Collection, Mapping

from services.gateway.lifecycles import Machine, Who
from shared.events import CATALOGUE, applications, credentials, matches, payments, projects
from shared.events.base import Event

# What somebody who is on neither side of a posting may know of it.
PUBLIC_STEPS: frozenset[type[Event]] = frozenset(
    {
        projects.ProjectOpened,
        projects.ProjectPaused,
        projects.ProjectAutoPaused,
        projects.ProjectResumed,
        projects.ProjectApplicationsClosed,
        projects.ProjectExtended,
        projects.ProjectFilled,
        projects.ProjectReopened,
        projects.ProjectStarted,
        projects.ProjectCompleted,
        projects.ProjectCancelled,
        projects.ProjectReinstated,
        projects.ProjectExpired,
        projects.ProjectExpiredUndecided,
        projects.ProjectNotStarted,
    }
)
# What is the other side's own affair: its other offers, what it shows, whether its money came.
HIDDEN: Mapping[Who, frozenset[type[Event]]] = {
    Who.EMPLOYER: frozenset(
        {applications.ApplicationClashing, credentials.CredentialVisibilityChanged}
    ),
    Who.APPLICANT: frozenset(
        {payments.PaymentHoldRequested, payments.PaymentHoldFailed, payments.PaymentHoldLapsed}
    ),
}
# Why an intern could not be paid says something about the intern's account.
REASON_HIDDEN: Mapping[Who, frozenset[type[Event]]] = {
    Who.EMPLOYER: frozenset({payments.PaymentSendFailed, payments.PaymentNeedsOperator}),
}


def visible(machine: Machine, side: Collection[Who]) -> list[str]:
    """The names of the events that somebody with these roles is shown."""
    hidden = _of(HIDDEN, side)
    public_only = machine.record == "project" and not side
    return [
        name
        for name, event in CATALOGUE.items()
        if event.subject_field == f"{machine.record}_id"
        and event not in matches.EVENTS
        and event not in hidden
        and (event in PUBLIC_STEPS or not public_only)
    ]


def shows_reason(name: str, side: Collection[Who]) -> bool:
    return bool(side) and CATALOGUE[name] not in _of(REASON_HIDDEN, side)


def _of(
    table: Mapping[Who, frozenset[type[Event]]], side: Collection[Who]
) -> frozenset[type[Event]]:
    return frozenset().union(*(table.get(role, frozenset()) for role in side))
