"""Thousands of short sessions with faults on both sides, and what is left of them."""
