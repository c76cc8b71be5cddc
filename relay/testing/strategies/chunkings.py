"""How a stream is cut into the chunks in which it arrives."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["chunkings"]

chunkings = st.lists(st.integers(1, 12) | st.integers(1, 400), min_size=1, max_size=12)
"""Sizes of chunks in bytes, to be used over again by :func:`relay.testing.frames.cut`.

TCP keeps no chunks, so no receiver may depend on them; yet this is where hand-written parsers fail.
It shrinks to ``[1]``: byte by byte.
"""
