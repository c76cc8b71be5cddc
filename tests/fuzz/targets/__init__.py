"""The targets: one module for each, and the list of them."""

from tests.fuzz.target import Target
from tests.fuzz.targets import (
    client_opening,
    compression,
    connect_proxy,
    credentials,
    endings,
    forwarded,
    message_pipe,
    message_policies,
    pipe,
    proxy_header,
    routing,
    upstream_opening,
)

__all__ = ["TARGETS"]

TARGETS: tuple[Target, ...] = (
    client_opening.TARGET,
    credentials.TARGET,
    routing.TARGET,
    upstream_opening.TARGET,
    compression.TARGET,
    connect_proxy.TARGET,
    proxy_header.TARGET,
    forwarded.TARGET,
    pipe.TARGET,
    message_pipe.TARGET,
    message_policies.TARGET,
    endings.TARGET,
)
