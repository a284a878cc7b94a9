"""The spool of a B on an engine: what waits in the outbox of each tee goes into one topic, and whichever tee owns a
partition of it sends what waits there. Another tee goes on where one has died."""

from httptee.spool.engine.look import look_first
from httptee.spool.engine.sending import Apart, Sending
from httptee.spool.engine.shipping import Shipping
from httptee.spool.engine.survey import Survey, survey
from httptee.spool.engine.taking import Taking
from httptee.spool.engine.tally import Tally

__all__ = ["Apart", "Sending", "Shipping", "Survey", "Taking", "Tally", "look_first", "survey"]
