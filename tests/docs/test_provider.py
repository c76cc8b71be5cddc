"""docs/providers.md names everything that the catalogue has, provider by provider."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay.protocol import CATALOGUE, Provider

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^## `([a-z-]+)`(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def test_there_is_a_section_for_each_provider_in_the_catalogues_order() -> None:
    assert list(SECTIONS) == [provider.name for provider in CATALOGUE]


@pytest.mark.parametrize("provider", CATALOGUE, ids=lambda each: str(each.name))
def test_a_section_names_what_the_catalogue_has(provider: Provider) -> None:
    section = SECTIONS[provider.name]
    paths = re.findall(r"^\| `(/[^`]*)`", section, re.MULTILINE)
    assert paths == [endpoint.path for endpoint in provider.endpoints]
    wanted = [
        *provider.aliases,
        *(origin.host for origin in provider.origins if not provider.needs_url),
        *(slot.name for slot in (*provider.slots, provider.stored)),
        *(endpoint.model for endpoint in provider.endpoints if endpoint.model is not None),
        *(each.member for endpoint in provider.endpoints for each in endpoint.message_models),
        *(name.decode() for name in provider.fields),
    ]
    assert [text for text in wanted if text not in section] == []
