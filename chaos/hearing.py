"""Which events each room hears, as its code says."""

from services.credentialing import handlers as credentialing
from services.credentialing.document import Issuer
from services.gateway import handlers as gateway
from services.matching import handlers as matching
from services.notifications import handlers as notifications

NOBODY = Issuer(did="did:web:localhost", name="Sibol", url="http://localhost")


def heard_by_rooms() -> dict[str, frozenset[str]]:
    subscriptions = {
        "gateway": gateway.SUBSCRIPTIONS,
        "matching": matching.SUBSCRIPTIONS,
        "notifications": notifications.SUBSCRIPTIONS,
        "credentialing": credentialing.subscriptions(NOBODY),
    }
    return {
        room: frozenset(item.event.name for item in found) for room, found in subscriptions.items()
    }
