"""Meters: what a session used, seen from the side.

A :class:`~relay.protocol.meters.session_meter.SessionMeter` is all that a driver needs. Its *taps*
observe the two pipes and let through what the *meter* of the endpoint's protocol reads, which
counts into a *tally*. To add a meter, copy the file of one that is like it, name it in
``catalogue.py``, and on the endpoints of the provider.
"""
