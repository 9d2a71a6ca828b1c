"""What the gateway knows from others and may learn again: only the scores. What its other handlers
do are moves of records, which are history and never made again."""

from services.gateway.handlers import show_matches
from shared.events.matches import MatchExplained
from shared.messaging import on_many
from shared.messaging.replaying import Pass, Projection

PROJECTION = Projection(
    what=(
        "Writes the score of each application again, as matching explained it. Every other record "
        "of the gateway is the truth itself and comes back from a backup alone."
    ),
    passes=[Pass([on_many(MatchExplained, show_matches)])],
)
