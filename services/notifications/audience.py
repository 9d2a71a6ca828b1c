"""Which event tells whom. Every end state of every record tells each person it concerns; one's own
act is repeated to oneself only where a receipt is worth a mail."""

from collections.abc import Mapping
from enum import StrEnum

from shared.events import (
    applications,
    credentials,
    disputes,
    engagements,
    freezes,
    matches,
    milestones,
    payments,
    people,
    projects,
)
from shared.events.base import Event


class Role(StrEnum):
    """In this order one person who is several of them is told once, as the first."""

    PERSON = "person"
    APPLICANT = "applicant"
    INTERN = "intern"
    EMPLOYER = "employer"
    MODERATOR = "moderator"
    OPERATOR = "operator"


ALONE = frozenset({Role.PERSON})
APPLICANT = frozenset({Role.APPLICANT})
EMPLOYER = frozenset({Role.EMPLOYER})
BOTH = APPLICANT | EMPLOYER
EMPLOYER_INTERNS = EMPLOYER | {Role.INTERN}
MODERATOR = frozenset({Role.MODERATOR})
OPERATOR = frozenset({Role.OPERATOR})
DUTIES = MODERATOR | OPERATOR

AUDIENCE: Mapping[type[Event], frozenset[Role]] = {
    people.PersonJoined: ALONE,
    people.OrganizationRegistered: EMPLOYER,
    people.OrganizationMemberAdded: ALONE,
    projects.ProjectDiscarded: EMPLOYER,
    projects.ProjectApproved: EMPLOYER,
    projects.ProjectChangesRequested: EMPLOYER,
    projects.ProjectRejected: EMPLOYER,
    projects.ProjectOpened: EMPLOYER,
    projects.ProjectAutoPaused: EMPLOYER,
    projects.ProjectApplicationsClosed: EMPLOYER,
    projects.ProjectFilled: EMPLOYER,
    projects.ProjectReopened: EMPLOYER,
    projects.ProjectCompleted: EMPLOYER,
    projects.ProjectCancelled: EMPLOYER_INTERNS,
    projects.ProjectSuspended: EMPLOYER_INTERNS,
    projects.ProjectReinstated: EMPLOYER_INTERNS,
    projects.ProjectRemoved: EMPLOYER_INTERNS,
    projects.ProjectReviewOverdue: EMPLOYER | DUTIES,
    projects.ProjectReviewLapsed: EMPLOYER,
    projects.ProjectFundingLapsed: EMPLOYER,
    projects.ProjectExpired: EMPLOYER,
    projects.ProjectExpiredUndecided: EMPLOYER,
    projects.ProjectNotStarted: EMPLOYER,
    projects.ProjectReminded: EMPLOYER | MODERATOR,
    matches.MatchComputed: EMPLOYER,
    applications.ApplicationInvited: APPLICANT,
    applications.ApplicationInviteDeclined: EMPLOYER,
    applications.ApplicationSubmitted: BOTH,
    applications.ApplicationDiscarded: APPLICANT,
    applications.ApplicationSeen: APPLICANT,
    applications.ApplicationShortlisted: APPLICANT,
    applications.ApplicationOffered: APPLICANT,
    applications.ApplicationNotSelected: APPLICANT,
    applications.ApplicationWithdrawn: BOTH,
    applications.ApplicationAccepted: BOTH,
    applications.ApplicationDeclined: BOTH,
    applications.ApplicationOfferRescinded: BOTH,
    applications.ApplicationClosed: APPLICANT,
    applications.ApplicationRemoved: BOTH,
    applications.ApplicationInviteLapsed: BOTH,
    applications.ApplicationAnswerOverdue: BOTH,
    applications.ApplicationNoResponse: BOTH,
    applications.ApplicationOfferLapsed: BOTH,
    applications.ApplicationClashing: APPLICANT,
    applications.InterviewOffered: APPLICANT,
    applications.InterviewBooked: BOTH,
    applications.ApplicationReminded: BOTH,
    engagements.EngagementSigned: BOTH,
    engagements.EngagementAgreed: BOTH,
    engagements.EngagementNotAgreed: BOTH,
    engagements.EngagementStarted: BOTH,
    engagements.EngagementCancelled: BOTH,
    engagements.EngagementHelpRequested: BOTH,
    engagements.EngagementAmended: BOTH,
    engagements.EngagementPaused: BOTH,
    engagements.EngagementResumed: BOTH,
    engagements.EngagementWorkAccepted: BOTH,
    engagements.FeedbackGiven: BOTH,
    engagements.EngagementCompleted: BOTH,
    engagements.EngagementTerminated: BOTH,
    engagements.EngagementDisputed: BOTH,
    engagements.EngagementDisputeSettled: BOTH,
    engagements.EngagementAgreementLapsed: BOTH,
    engagements.EngagementNoShow: BOTH,
    engagements.EngagementQuiet: BOTH,
    engagements.EngagementStalled: BOTH,
    engagements.EngagementProposed: BOTH,
    engagements.EngagementReminded: BOTH,
    milestones.MilestoneFunded: APPLICANT,
    milestones.DeliverableSubmitted: EMPLOYER,
    milestones.MilestoneAccepted: BOTH,
    milestones.MilestoneChangesRequested: APPLICANT,
    milestones.MilestoneDisputed: BOTH,
    milestones.MilestoneDisputeWithdrawn: BOTH,
    milestones.MilestoneCancelled: BOTH,
    milestones.MilestoneFundingLapsed: BOTH,
    milestones.MilestoneOverdue: BOTH,
    milestones.MilestoneLapsed: BOTH,
    milestones.MilestoneAutoAccepted: BOTH,
    milestones.MilestoneProposed: BOTH,
    milestones.MilestoneAmended: BOTH,
    milestones.MilestoneReminded: BOTH,
    credentials.CredentialAttested: APPLICANT,
    credentials.CredentialAttestationSkipped: BOTH,
    credentials.CredentialRefused: BOTH,
    credentials.CredentialIssued: APPLICANT,
    credentials.CredentialSuperseded: APPLICANT,
    credentials.CredentialSuspended: APPLICANT,
    credentials.CredentialReinstated: APPLICANT,
    credentials.CredentialRevoked: APPLICANT,
    credentials.CredentialExpired: APPLICANT,
    credentials.CredentialSignOverdue: OPERATOR,
    credentials.CredentialReminded: EMPLOYER,
    payments.PaymentHeld: BOTH,
    payments.PaymentHoldFailed: EMPLOYER,
    payments.PaymentHoldLapsed: EMPLOYER,
    payments.PaymentVoid: EMPLOYER,
    payments.PaymentReleaseScheduled: APPLICANT,
    payments.PaymentFrozen: BOTH,
    payments.PaymentPaid: BOTH,
    payments.PaymentSendFailed: APPLICANT,
    payments.PaymentSendUnknown: APPLICANT,
    payments.PaymentNeedsOperator: BOTH | OPERATOR,
    payments.PaymentRefunded: EMPLOYER,
    payments.PaymentReminded: APPLICANT | OPERATOR,
    disputes.DisputeOpened: BOTH,
    disputes.DisputeAnswered: BOTH | MODERATOR,
    disputes.DisputeWithdrawn: BOTH,
    disputes.DisputeSettlementProposed: BOTH,
    disputes.DisputeSettled: BOTH,
    disputes.DisputeTaken: BOTH | MODERATOR,
    disputes.DisputeDecided: BOTH,
    disputes.DisputeAppealed: BOTH | MODERATOR,
    disputes.DisputeAppealDecided: BOTH,
    disputes.DisputeDefaulted: BOTH,
    disputes.DisputeReminded: BOTH | MODERATOR,
    freezes.ClocksFrozen: ALONE,
    freezes.ClocksThawed: ALONE,
}

# Which side is reminded of which deadline; the event says on whom it still waits.
REMINDERS: Mapping[type[Event], Mapping[str, frozenset[Role]]] = {
    projects.ProjectReminded: {
        "idle_draft": EMPLOYER,
        "resubmit_by": EMPLOYER,
        "fund_by": EMPLOYER,
        "resume_by": EMPLOYER,
        "decide_by": EMPLOYER,
        "decide_suspension_by": MODERATOR,
    },
    applications.ApplicationReminded: {
        "answer_invite_by": APPLICANT,
        "idle_draft": APPLICANT,
        "answer_by": EMPLOYER,
        "decide_by": EMPLOYER,
        "accept_by": APPLICANT,
    },
    engagements.EngagementReminded: {"sign_by": BOTH, "resume_by": BOTH, "feedback_by": BOTH},
    milestones.MilestoneReminded: {
        "fund_by": EMPLOYER,
        "due_at": APPLICANT,
        "review_by": EMPLOYER,
        "rework_by": APPLICANT,
    },
    credentials.CredentialReminded: {"attest_by": EMPLOYER},
    payments.PaymentReminded: {
        "unclaimed": APPLICANT,
        "refund_stuck": OPERATOR,
        "orphan_check": OPERATOR,
    },
    disputes.DisputeReminded: {"answer_by": BOTH, "decide_by": MODERATOR},
}

Reminded = (
    projects.ProjectReminded
    | applications.ApplicationReminded
    | engagements.EngagementReminded
    | milestones.MilestoneReminded
    | credentials.CredentialReminded
    | payments.PaymentReminded
    | disputes.DisputeReminded
)

# Who signs, asks for help, gives feedback or proposes knows it; the other party is waiting to hear.
OtherParty = (
    engagements.EngagementSigned
    | engagements.EngagementHelpRequested
    | engagements.FeedbackGiven
    | engagements.EngagementProposed
    | milestones.MilestoneProposed
    | disputes.DisputeOpened
    | disputes.DisputeAnswered
    | disputes.DisputeSettlementProposed
    | disputes.DisputeAppealed
)
# These follow at once from something that was mailed, or are a step on the way to what will be.
ONLY_SHOWN = (
    engagements.EngagementDisputed,
    engagements.EngagementDisputeSettled,
    milestones.MilestoneFunded,
    milestones.MilestoneDisputed,
    milestones.MilestoneDisputeWithdrawn,
    payments.PaymentVoid,
    payments.PaymentReleaseScheduled,
    payments.PaymentFrozen,
    payments.PaymentSendUnknown,
)
BY_HAND = frozenset({"person", "applicant", "employer"})
TIMER = "timer"
REFUND_STUCK = "refund_stuck"
# One mail about the engagement says it for all its milestones.
ENGAGEMENT_ENDED = "engagement_ended"


def told(event: Event) -> frozenset[Role]:
    roles = AUDIENCE[type(event)]
    if _is_no_news(event):
        return frozenset()
    if isinstance(event, Reminded):
        sides = REMINDERS[type(event)].get(event.timer, frozenset())
        return frozenset(role for role in sides if role in event.waits_on)
    if isinstance(event, OtherParty):
        return frozenset(role for role in roles if role != event.party)
    match event:
        case payments.PaymentNeedsOperator(state=state):
            return OPERATOR | (EMPLOYER if state == REFUND_STUCK else APPLICANT)
        case disputes.DisputeTaken() if event.envelope.actor_kind != TIMER:
            return BOTH
        case _:
            return roles


def _is_no_news(event: Event) -> bool:
    """To throw away one's own draft needs no mail; that time threw it away does."""
    match event:
        case matches.MatchComputed(people=people):
            return people == 0
        case projects.ProjectDiscarded() | applications.ApplicationDiscarded():
            return event.envelope.actor_kind in BY_HAND
        case _:
            return False


def is_worth_a_mail(event: Event) -> bool:
    match event:
        case milestones.MilestoneCancelled(reason=reason):
            return reason != ENGAGEMENT_ENDED
        # A posting of many seats has many payments; one mail about the posting says it for all.
        case payments.PaymentHeld() | payments.PaymentRefunded() if event.applicant_id is None:
            return False
        case _:
            return not isinstance(event, ONLY_SHOWN)
