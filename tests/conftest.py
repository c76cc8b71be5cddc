"""Hypothesis profiles: ``fast`` for every run, ``HYPOTHESIS_PROFILE=long`` for ``make fuzz``."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("fast", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
