"""Official SDKs, driven through a relay to the doubles: `python -m tests.sdk --help`."""
