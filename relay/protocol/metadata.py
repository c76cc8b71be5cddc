"""What a client says about its session: metadata for the record, and whether there is to be one.

Cloudflare AI Gateway documents both field lines; they end here. Metadata never decides anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import NoReturn

from relay.protocol.credentials import contains_secret, contains_token
from relay.protocol.fields import FieldLines, values
from relay.protocol.secret import Secret

__all__ = ["MAX_ENTRIES", "Metadata", "is_metadata", "read_metadata", "wants_record"]

Metadata = Mapping[str, str | int | float | bool]

MAX_ENTRIES = 5
_MAX_LENGTH = 256  # characters of a name, or of a text
_MOST = 2**63  # what stores and languages take for a whole number
_RESERVED = "cf."


def is_metadata(name: str, value: object) -> bool:
    """Whether this can be an entry: a name and a text, a number or a boolean.

    Names that begin with ``cf.`` are reserved by the wire contract. What cannot be printed, such as
    NUL or half a surrogate pair, is not taken by every store.
    """
    if not 0 < len(name) <= _MAX_LENGTH or name.startswith(_RESERVED) or not name.isprintable():
        return False
    if isinstance(value, str):
        return len(value) <= _MAX_LENGTH and value.isprintable()
    if isinstance(value, int):  # a boolean, too
        return -_MOST <= value < _MOST
    return isinstance(value, float) and math.isfinite(value)


def read_metadata(fields: FieldLines, secrets: Sequence[Secret]) -> Metadata:
    """Read ``cf-aig-metadata``: a flat JSON object, of which the first five entries count.

    Args:
        fields: The client's field lines.
        secrets: Credentials of this session, which must not get into its record.

    Returns:
        Nothing if the line is missing, repeated, no JSON object, or has an entry that cannot be
        one: what is wrong here is no reason to refuse a session.
    """
    lines = values(fields, b"cf-aig-metadata")
    if len(lines) != 1:
        return {}
    try:
        pairs = json.loads(lines[0], parse_constant=_refuse, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(pairs, list) or not all(
        isinstance(pair, tuple) and is_metadata(*pair) for pair in pairs
    ):
        return {}
    # As they will be shown: JSON has several ways to write a character.
    shown = json.dumps(pairs, ensure_ascii=False).encode()
    if contains_token(shown) or contains_secret(shown, secrets):
        return {}
    return dict(list(dict(pairs).items())[:MAX_ENTRIES])


def wants_record(fields: FieldLines) -> bool:
    """Whether the session may be recorded: not if ``cf-aig-collect-log`` is ``false``."""
    return all(each.lower() != b"false" for each in values(fields, b"cf-aig-collect-log"))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are no JSON (RFC 8259 6)
