"""The list of peers: each can be found by its name, and the command takes these names."""

import pytest
import typer

from bench.__main__ import chosen
from bench.peers import ALL, find_peer


@pytest.mark.parametrize("name", ALL)
def test_a_peer_is_found_by_its_name(name: str) -> None:
    assert find_peer(name).name == name


def test_names_are_a_list_with_commas() -> None:
    assert chosen(None, tuple(ALL), "--peers") is None
    assert chosen("relay, nginx,relay", tuple(ALL), "--peers") == ["relay", "nginx"]


def test_a_name_that_is_not_known_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(typer.BadParameter, match="'apache' is none of loopback, nginx, relay"):
        chosen("relay,apache", tuple(ALL), "--peers")
