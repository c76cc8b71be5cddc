"""The relay's log: structured, on stderr, and never waited for."""

from relay.log.fault import log_fault
from relay.log.rate import LogRate
from relay.log.setup import configure

__all__ = ["LogRate", "configure", "log_fault"]
