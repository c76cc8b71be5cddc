import pytest
from naive_proxy import serve

from relay.testing.laws import Law
from relay.testing.runtimes import asyncio_subject
from relay.testing.stand import Stand
from relay.testing.subject import Subject

pytest_plugins = ["relay.testing.fixtures"]


@pytest.fixture(scope="module")
def subject() -> Subject:
    return asyncio_subject(lambda origin: serve(*origin))


def test_it_keeps_the_laws(stand: Stand, proxy_law: Law[Stand]) -> None:
    if proxy_law.name == "violations":
        pytest.skip("it trusts both sides, and says so")
    proxy_law.check(stand)
