"""A pytest plugin: ``pytest_plugins = ["relay.testing.fixtures"]`` switches it on.

``subject`` is yours to define, with scope ``module`` or ``session``; ``stand`` and ``proxy_law``
then make a test of one line::

    def test_it_keeps_the_laws(stand, proxy_law):
        proxy_law.check(stand)
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relay.doubles import FAULTS
from relay.doubles.faults import NamedFault, parse_fault
from relay.testing.doubles import StartDouble, running_doubles
from relay.testing.laws import PROXY_LAWS, Law
from relay.testing.stand import Stand
from relay.testing.subject import Subject

__all__ = ["each_fault", "patience", "provider_double", "proxy_law", "stand", "subject"]


@pytest.fixture(scope="session")
def subject() -> Subject:
    """What is put to the test; to be overridden (:data:`relay.testing.subject.Subject`)."""
    raise pytest.UsageError(
        "define a fixture named subject, with scope module or session, that returns yours"
    )


@pytest.fixture(scope="session")
def patience() -> float:
    """Seconds that the stand waits for whatever has to happen; may be overridden."""
    return 10.0


@pytest.fixture(scope="module")
def stand(subject: Subject, patience: float) -> Iterator[Stand]:
    """The subject, running between a client and an origin that the test plays."""
    with Stand.of(subject, patience=patience) as running:
        yield running


@pytest.fixture(params=PROXY_LAWS, ids=str)
def proxy_law(request: pytest.FixtureRequest) -> Law[Stand]:
    """Each law of proxies in turn."""
    law: Law[Stand] = request.param
    return law


@pytest.fixture
def provider_double() -> Iterator[StartDouble]:
    """Starts doubles of providers, which end with the test:
    ``provider_double("openai", fault="drop:after=3").url``."""
    with running_doubles() as start:
        yield start


@pytest.fixture(params=sorted(FAULTS))
def each_fault(request: pytest.FixtureRequest) -> NamedFault:
    """Each fault that a provider can have in turn, with its default options."""
    return parse_fault(request.param)
