from enum import StrEnum

from services.gateway.lifecycles.machine import Machine, Move, Remind, Timer, Who
from shared.events import applications as say


class Status(StrEnum):
    INVITED = "invited"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    SEEN = "seen"
    SHORTLISTED = "shortlisted"
    OFFERED = "offered"
    INVITE_DECLINED = "invite_declined"
    INVITE_LAPSED = "invite_lapsed"
    DISCARDED = "discarded"
    WITHDRAWN = "withdrawn"
    NOT_SELECTED = "not_selected"
    NO_RESPONSE = "no_response"
    DECLINED_BY_APPLICANT = "declined_by_applicant"
    OFFER_LAPSED = "offer_lapsed"
    OFFER_RESCINDED = "offer_rescinded"
    ACCEPTED = "accepted"
    CLOSED = "closed"
    REMOVED = "removed"


APPLICATION = Machine(
    record="application",
    initial=frozenset({Status.INVITED, Status.DRAFT}),
    terminal=frozenset(
        {
            Status.INVITE_DECLINED,
            Status.INVITE_LAPSED,
            Status.DISCARDED,
            Status.WITHDRAWN,
            Status.NOT_SELECTED,
            Status.NO_RESPONSE,
            Status.DECLINED_BY_APPLICANT,
            Status.OFFER_LAPSED,
            Status.OFFER_RESCINDED,
            Status.ACCEPTED,
            Status.CLOSED,
            Status.REMOVED,
        }
    ),
    resting={},
    moves=(
        Move(
            "start",
            Status.INVITED,
            Status.DRAFT,
            frozenset({Who.APPLICANT}),
            say.ApplicationStarted,
            "invitation carries its reason",
        ),
        Move(
            "decline",
            Status.INVITED,
            Status.INVITE_DECLINED,
            frozenset({Who.APPLICANT}),
            say.ApplicationInviteDeclined,
        ),
        Move(
            "submit",
            Status.DRAFT,
            Status.SUBMITTED,
            frozenset({Who.APPLICANT}),
            say.ApplicationSubmitted,
            "tailored note; snapshot of profile version; starts the answer clock",
        ),
        Move(
            "discard",
            Status.DRAFT,
            Status.DISCARDED,
            frozenset({Who.APPLICANT}),
            say.ApplicationDiscarded,
        ),
        Move(
            "view",
            Status.SUBMITTED,
            Status.SEEN,
            frozenset({Who.EMPLOYER}),
            say.ApplicationSeen,
            "read receipt to the applicant",
        ),
        Move(
            "shortlist",
            Status.SUBMITTED,
            Status.SHORTLISTED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationShortlisted,
        ),
        Move(
            "shortlist",
            Status.SEEN,
            Status.SHORTLISTED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationShortlisted,
        ),
        Move(
            "offer",
            Status.SUBMITTED,
            Status.OFFERED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationOffered,
            "takes a seat hold in the same transaction",
        ),
        Move(
            "offer",
            Status.SEEN,
            Status.OFFERED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationOffered,
            "same",
        ),
        Move(
            "offer",
            Status.SHORTLISTED,
            Status.OFFERED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationOffered,
            "same",
        ),
        Move(
            "not_select",
            Status.SUBMITTED,
            Status.NOT_SELECTED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationNotSelected,
            "reason code + criteria not met; bulk allowed",
        ),
        Move(
            "not_select",
            Status.SEEN,
            Status.NOT_SELECTED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationNotSelected,
            "same",
        ),
        Move(
            "not_select",
            Status.SHORTLISTED,
            Status.NOT_SELECTED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationNotSelected,
            "same",
        ),
        Move(
            "withdraw",
            Status.SUBMITTED,
            Status.WITHDRAWN,
            frozenset({Who.APPLICANT}),
            say.ApplicationWithdrawn,
            "slot returned",
        ),
        Move(
            "withdraw",
            Status.SEEN,
            Status.WITHDRAWN,
            frozenset({Who.APPLICANT}),
            say.ApplicationWithdrawn,
        ),
        Move(
            "withdraw",
            Status.SHORTLISTED,
            Status.WITHDRAWN,
            frozenset({Who.APPLICANT}),
            say.ApplicationWithdrawn,
        ),
        Move(
            "accept",
            Status.OFFERED,
            Status.ACCEPTED,
            frozenset({Who.APPLICANT}),
            say.ApplicationAccepted,
            "creates the engagement; over-capacity applications proposed for withdrawal",
        ),
        Move(
            "decline",
            Status.OFFERED,
            Status.DECLINED_BY_APPLICANT,
            frozenset({Who.APPLICANT}),
            say.ApplicationDeclined,
        ),
        Move(
            "rescind",
            Status.OFFERED,
            Status.OFFER_RESCINDED,
            frozenset({Who.EMPLOYER}),
            say.ApplicationOfferRescinded,
            "reason; counts on the employer record",
        ),
        Move(
            "project_closed",
            Status.SUBMITTED,
            Status.CLOSED,
            frozenset({Who.SYSTEM}),
            say.ApplicationClosed,
            "project cancelled, expired, filled or removed: reason passed on",
        ),
        Move(
            "project_closed",
            Status.SEEN,
            Status.CLOSED,
            frozenset({Who.SYSTEM}),
            say.ApplicationClosed,
            "same",
        ),
        Move(
            "project_closed",
            Status.SHORTLISTED,
            Status.CLOSED,
            frozenset({Who.SYSTEM}),
            say.ApplicationClosed,
            "same",
        ),
        Move(
            "project_closed",
            Status.OFFERED,
            Status.CLOSED,
            frozenset({Who.SYSTEM}),
            say.ApplicationClosed,
            "only when removed by trust team",
        ),
        Move(
            "project_closed",
            Status.DRAFT,
            Status.DISCARDED,
            frozenset({Who.SYSTEM}),
            say.ApplicationDiscarded,
        ),
        Move(
            "remove",
            Status.SUBMITTED,
            Status.REMOVED,
            frozenset({Who.MODERATOR}),
            say.ApplicationRemoved,
            "spam or fraud; appeal",
        ),
        Move(
            "remove",
            Status.SEEN,
            Status.REMOVED,
            frozenset({Who.MODERATOR}),
            say.ApplicationRemoved,
        ),
    ),
    timers=(
        Timer(
            "answer_invite_by",
            Status.INVITED,
            7,
            Status.INVITE_LAPSED,
            say.ApplicationInviteLapsed,
            "day 4",
            waits_on=frozenset({Who.APPLICANT}),
            reminders=(Remind(after=4),),
        ),
        Timer(
            "idle_draft",
            Status.DRAFT,
            30,
            Status.DISCARDED,
            say.ApplicationDiscarded,
            "24 h before apply_by",
            waits_on=frozenset({Who.APPLICANT}),
            reminders=(Remind(before=1, of="apply_by"),),
        ),
        Timer(
            "answer_by",
            Status.SUBMITTED,
            7,
            None,
            say.ApplicationAnswerOverdue,
            "employer: day 3, 6; applicant told day 7, gets slot back",
            waits_on=frozenset({Who.EMPLOYER}),
            reminders=(Remind(after=3), Remind(after=6)),
            since="submitted",
            left=7,
        ),
        Timer(
            "close_by",
            Status.SUBMITTED,
            14,
            Status.NO_RESPONSE,
            say.ApplicationNoResponse,
            "employer response rate falls",
            waits_on=frozenset({Who.EMPLOYER}),
            since="submitted",
            left=14,
        ),
        Timer(
            "answer_by",
            Status.SEEN,
            7,
            None,
            say.ApplicationAnswerOverdue,
            "same clock as submitted (counted from submission)",
            waits_on=frozenset({Who.EMPLOYER}),
            reminders=(Remind(after=3), Remind(after=6)),
            since="submitted",
            left=7,
        ),
        Timer(
            "close_by",
            Status.SEEN,
            14,
            Status.NO_RESPONSE,
            say.ApplicationNoResponse,
            waits_on=frozenset({Who.EMPLOYER}),
            since="submitted",
            left=14,
        ),
        Timer(
            "decide_by",
            Status.SHORTLISTED,
            7,
            Status.NO_RESPONSE,
            say.ApplicationNoResponse,
            "employer: day 3, 6",
            waits_on=frozenset({Who.EMPLOYER}),
            reminders=(Remind(after=3), Remind(after=6)),
        ),
        Timer(
            "accept_by",
            Status.OFFERED,
            3,
            Status.OFFER_LAPSED,
            say.ApplicationOfferLapsed,
            "applicant: 24 h, 60 h; then runner-up",
            waits_on=frozenset({Who.APPLICANT}),
            reminders=(Remind(after=1), Remind(after=2.5)),
        ),
    ),
    reminded=say.ApplicationReminded,
)
