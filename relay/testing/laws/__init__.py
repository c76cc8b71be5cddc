"""Laws that anything can be held against: a proxy from outside, a library by bytes and events.

Each is checked by itself::

    for law in PROXY_LAWS:
        law.check(stand)
    for law in RECEIVER_LAWS:
        law.check(make)
"""

from relay.testing.laws.law import Law, law
from relay.testing.laws.proxies import PROXY_LAWS
from relay.testing.laws.receivers import RECEIVER_LAWS, MakeReceiver, Receiver

__all__ = ["PROXY_LAWS", "RECEIVER_LAWS", "Law", "MakeReceiver", "Receiver", "law"]
