"""For tests of anything that speaks WebSocket, on any runtime; needs the extra ``testing``.

``strategies`` draw handshakes, targets, subprotocols, frames, streams, chunkings and whole
sessions; ``playbook`` states a session as one expression; ``laws`` are checks of proxies and of
libraries that are not the relay's, on a ``stand`` or by bytes; ``fixtures`` is a pytest plugin with
all of them and the doubles of the providers. docs/testing.md shows how. The relay itself imports
nothing of it.
"""
