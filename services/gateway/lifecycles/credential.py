from enum import StrEnum

from services.gateway.lifecycles.machine import Machine, Move, Remind, Timer, Who
from shared.events import credentials as say


class Status(StrEnum):
    PROPOSED = "proposed"
    READY = "ready"
    ISSUED = "issued"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


CREDENTIAL = Machine(
    record="credential",
    initial=frozenset({Status.PROPOSED}),
    terminal=frozenset(
        {
            Status.REFUSED,
            Status.REVOKED,
            Status.SUPERSEDED,
            Status.EXPIRED,
        }
    ),
    resting={
        Status.ISSUED: "a valid credential may stay valid for ever",
        Status.READY: "a system step: retried without limit, operators paged",
    },
    moves=(
        Move(
            "attest",
            Status.PROPOSED,
            Status.READY,
            frozenset({Who.EMPLOYER}),
            say.CredentialAttested,
            "employer confirms or strikes each skill; cannot strike the fact of completion",
        ),
        Move(
            "refuse",
            Status.PROPOSED,
            Status.REFUSED,
            frozenset({Who.APPLICANT}),
            say.CredentialRefused,
            "learner does not want it",
        ),
        Move(
            "sign",
            Status.READY,
            Status.ISSUED,
            frozenset({Who.SYSTEM}),
            say.CredentialIssued,
            "signed by the worker; key id + status-list slot recorded",
        ),
        Move(
            "refuse",
            Status.READY,
            Status.REFUSED,
            frozenset({Who.APPLICANT}),
            say.CredentialRefused,
        ),
        Move(
            "publish",
            Status.ISSUED,
            Status.ISSUED,
            frozenset({Who.APPLICANT}),
            say.CredentialVisibilityChanged,
            "private by default",
        ),
        Move(
            "correct",
            Status.ISSUED,
            Status.SUPERSEDED,
            frozenset({Who.OPERATOR}),
            say.CredentialSuperseded,
            "a new credential names the old one",
        ),
        Move(
            "suspend",
            Status.ISSUED,
            Status.SUSPENDED,
            frozenset({Who.OPERATOR, Who.MODERATOR}),
            say.CredentialSuspended,
            "reason; status list bit",
        ),
        Move(
            "reinstate",
            Status.SUSPENDED,
            Status.ISSUED,
            frozenset({Who.OPERATOR, Who.MODERATOR}),
            say.CredentialReinstated,
        ),
        Move(
            "revoke",
            Status.ISSUED,
            Status.REVOKED,
            frozenset({Who.OPERATOR, Who.MODERATOR}),
            say.CredentialRevoked,
            "reason shown to holder; appeal 30 d gives a new credential",
        ),
        Move(
            "revoke",
            Status.SUSPENDED,
            Status.REVOKED,
            frozenset({Who.OPERATOR, Who.MODERATOR}),
            say.CredentialRevoked,
        ),
        Move(
            "expire",
            Status.ISSUED,
            Status.EXPIRED,
            frozenset({Who.TIMER}),
            say.CredentialExpired,
            "only types with valid_until",
        ),
    ),
    timers=(
        Timer(
            "attest_by",
            Status.PROPOSED,
            7,
            Status.READY,
            say.CredentialAttestationSkipped,
            'day 3, 6; then issued at the "platform-verified" level',
            waits_on=frozenset({Who.EMPLOYER}),
            reminders=(Remind(after=3), Remind(after=6)),
        ),
        Timer(
            "sign_by",
            Status.READY,
            1,
            None,
            say.CredentialSignOverdue,
            "operator alarm; retry without limit",
            waits_on=frozenset({Who.SYSTEM}),
        ),
        Timer(
            "settle_by",
            Status.SUSPENDED,
            14,
            Status.ISSUED,
            say.CredentialReinstated,
            "silence favours the holder",
            waits_on=frozenset({Who.OPERATOR}),
        ),
    ),
    reminded=say.CredentialReminded,
)
