"""The Autobahn test suite, through the relay and directly."""
