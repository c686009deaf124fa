"""A customer's bank disputes a payment: somebody has to answer it, and what a lost dispute takes is
written down. PayMongo's pages name these events and no more (docs/paymongo.md, Webhooks).
"""

from typing import TYPE_CHECKING

from infra import dynamo
from infra.dynamo import present
from infra.telemetry import count
from rentals import lookups, repository
from rentals.models import Rental

if TYPE_CHECKING:  # operators' commands hear nothing of PayMongo
    from paymongo.resources import Dispute

DISPUTED = "PaymentDisputed"


def record(rental: Rental, dispute: "Dispute") -> bool:
    """Have operators look at a rental whose payment is disputed; whether it is news.

    Raises WriteContended.
    """
    entry = "#".join((dispute.payment_id, dispute.id, str(dispute.amount), dispute.status))
    if entry in rental.disputes_seen:
        return False
    flagged = {"fulfillmentAttention": DISPUTED}
    seen = repository.change(rental.id, flagged, present("id"), add={"disputesSeen": {entry}})
    dynamo.transact([seen, lookups.in_attention(rental.id)])
    count("Dispute")
    return True
