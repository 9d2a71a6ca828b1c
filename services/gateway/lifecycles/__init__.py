"""The lifecycles of every record, as one typed table."""

from services.gateway.lifecycles.application import APPLICATION
from services.gateway.lifecycles.credential import CREDENTIAL
from services.gateway.lifecycles.dispute import DISPUTE
from services.gateway.lifecycles.engagement import ENGAGEMENT
from services.gateway.lifecycles.machine import Machine, Who
from services.gateway.lifecycles.milestone import MILESTONE
from services.gateway.lifecycles.payment import PAYMENT
from services.gateway.lifecycles.project import PROJECT

MACHINES: dict[str, Machine] = {
    machine.record: machine
    for machine in (PROJECT, APPLICATION, ENGAGEMENT, MILESTONE, CREDENTIAL, PAYMENT, DISPUTE)
}

__all__ = [
    "APPLICATION",
    "CREDENTIAL",
    "DISPUTE",
    "ENGAGEMENT",
    "MACHINES",
    "MILESTONE",
    "PAYMENT",
    "PROJECT",
    "Machine",
    "Who",
]
