"""Which event tells whom. Every end state of every record tells each person it concerns; one's own
act is repeated to oneself only where a receipt is worth a mail."""

from collections.abc import Mapping
from enum import StrEnum

from shared.events import (
    applications,
    credentials,
    engagements,
    matches,
    milestones,
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


ALONE = frozenset({Role.PERSON})
APPLICANT = frozenset({Role.APPLICANT})
EMPLOYER = frozenset({Role.EMPLOYER})
BOTH = APPLICANT | EMPLOYER
EMPLOYER_INTERNS = EMPLOYER | {Role.INTERN}

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
    projects.ProjectReviewOverdue: EMPLOYER,
    projects.ProjectReviewLapsed: EMPLOYER,
    projects.ProjectFundingLapsed: EMPLOYER,
    projects.ProjectExpired: EMPLOYER,
    projects.ProjectExpiredUndecided: EMPLOYER,
    projects.ProjectNotStarted: EMPLOYER,
    matches.MatchComputed: EMPLOYER,
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
    milestones.MilestoneFunded: APPLICANT,
    milestones.DeliverableSubmitted: EMPLOYER,
    milestones.MilestoneAccepted: BOTH,
    milestones.MilestoneChangesRequested: APPLICANT,
    milestones.MilestoneDisputed: BOTH,
    milestones.MilestoneCancelled: BOTH,
    milestones.MilestoneFundingLapsed: BOTH,
    milestones.MilestoneOverdue: BOTH,
    milestones.MilestoneLapsed: BOTH,
    milestones.MilestoneAutoAccepted: BOTH,
    credentials.CredentialAttested: APPLICANT,
    credentials.CredentialAttestationSkipped: BOTH,
    credentials.CredentialRefused: BOTH,
    credentials.CredentialIssued: APPLICANT,
    credentials.CredentialSuperseded: APPLICANT,
    credentials.CredentialSuspended: APPLICANT,
    credentials.CredentialReinstated: APPLICANT,
    credentials.CredentialRevoked: APPLICANT,
    credentials.CredentialExpired: APPLICANT,
}

# Who signs, asks for help or gives feedback knows it; the other party is waiting to hear.
OTHER_PARTY = (
    engagements.EngagementSigned,
    engagements.EngagementHelpRequested,
    engagements.FeedbackGiven,
)
# To throw away one's own draft needs no mail; that time threw it away does.
OWN_DRAFT = (projects.ProjectDiscarded, applications.ApplicationDiscarded)
BY_HAND = frozenset({"person", "applicant", "employer"})
# One mail about the engagement says it for all its milestones.
ENGAGEMENT_ENDED = "engagement_ended"


def told(event: Event) -> frozenset[Role]:
    roles = AUDIENCE[type(event)]
    match event:
        case matches.MatchComputed(people=0):
            return frozenset()
        case engagements.EngagementEvent(party=str(party)) if isinstance(event, OTHER_PARTY):
            return frozenset(role for role in roles if role != party)
        case _ if isinstance(event, OWN_DRAFT):
            return frozenset() if event.envelope.actor_kind in BY_HAND else roles
        case _:
            return roles


def is_worth_a_mail(event: Event) -> bool:
    """What follows at once from something that was mailed is only shown."""
    match event:
        case milestones.MilestoneFunded():
            return False
        case milestones.MilestoneCancelled(reason=reason):
            return reason != ENGAGEMENT_ENDED
        case _:
            return True
