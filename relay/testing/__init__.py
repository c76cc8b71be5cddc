"""For tests of anything that speaks WebSocket, on any runtime; needs the extra ``testing``.

The relay itself imports nothing of it.
"""
