from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from relay.protocol import Secret

VALUE = b"sk-very-secret"


@dataclass
class _Holder:
    secret: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s" % secret,  # noqa: UP031
        lambda secret: repr([secret]),
        lambda secret: repr({secret: secret}),
        lambda secret: repr(_Holder(secret)),
        lambda secret: str(ValueError(secret)),
    ],
)
def test_a_secret_is_shown_to_nobody(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(VALUE))
    assert VALUE.decode() not in shown
    assert "Secret(...)" in shown


def test_a_secret_is_revealed_on_request_only() -> None:
    assert Secret(VALUE).reveal() == VALUE
    assert not hasattr(Secret(VALUE), "__dict__")


@pytest.mark.parametrize(
    "duplicate", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"]
)
def test_a_secret_is_neither_pickled_nor_copied(duplicate: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied") as caught:
        duplicate(Secret(VALUE))
    assert VALUE.decode() not in str(caught.value)


def test_secrets_compare_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(b"another")
    assert Secret(VALUE) != Secret(VALUE + b"x")
    assert len({Secret(VALUE), Secret(VALUE), Secret(b"another")}) == 2


def test_a_secret_equals_nothing_but_a_secret() -> None:
    assert Secret(VALUE) != VALUE
    assert Secret(VALUE) != VALUE.decode()
