"""The laws of relay.testing, held against software that is not ours; see docs/testing.md."""
