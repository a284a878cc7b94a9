"""From local segments into an engine: `Shipper` puts the records of a directory into a topic, and goes on where it was
after a kill. A reader of the topic takes each message apart with `Parcel`."""

from httptee.journal.shipping.parcel import Missing, Parcel
from httptee.journal.shipping.shipment import Shipment
from httptee.journal.shipping.shipper import Shipper

__all__ = ["Missing", "Parcel", "Shipment", "Shipper"]
