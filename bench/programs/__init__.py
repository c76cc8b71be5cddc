"""Relays written for the comparison: what one gets from a library in an afternoon.

Each carries every session on its port to one upstream, with TLS on both legs or on neither, and is
run as `python -m bench.programs.NAME PORT UPSTREAM_PORT [CERTIFICATE KEY CA]`.
"""
