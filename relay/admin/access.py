"""Who asks: the bearer of the operator's token, or a page on which somebody has logged in."""

from __future__ import annotations

import hashlib
import hmac
import math
from typing import Annotated

import structlog
from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from relay.admin.control import Control
from relay.admin.hosts import is_same_origin, port_of
from relay.admin.logins import Attempts, Login, Logins

__all__ = [
    "Access",
    "AccessOf",
    "ControlOf",
    "address_of",
    "cookie_of",
    "login_of",
    "may_change",
    "may_read",
    "token_is_known",
]

_log = structlog.get_logger()


class Access:
    """Knows the token and who is logged in.

    Args:
        control: The relay, whose settings have the token's hash.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._logins = Logins()
        self._attempts = Attempts()

    def token_sha256(self) -> bytes:
        """The hash of the operator's token.

        Raises:
            HTTPException: 403 if there is none.
        """
        admin = self._control.settings.admin
        if admin is None or admin.token_sha256 is None:
            raise HTTPException(403, "[admin] has no token_sha256, so only metrics and health")
        return admin.token_sha256

    def check_token(self, token: str, address: str) -> None:
        """Compare a token with the operator's.

        Args:
            token: The token.
            address: Whose it is.

        Raises:
            HTTPException: 401 if it is another one, 429 if that address had too many of these.
        """
        if wait := self._attempts.wait(address):
            again = {"Retry-After": str(math.ceil(wait))}
            raise HTTPException(429, "too many wrong tokens", again)
        found = hashlib.sha256(token.encode(errors="replace")).digest()
        if not hmac.compare_digest(found, self.token_sha256()):
            self._attempts.count(address)
            _log.warning("wrong token of the operator", client=address)
            raise HTTPException(401, "a wrong token", {"WWW-Authenticate": "Bearer"})

    def log_in(self, token: str, address: str) -> Login:
        """Check a token, and return a new login.

        Raises:
            HTTPException: As :meth:`check_token`.
        """
        self.check_token(token, address)
        return self._logins.begin(self.token_sha256())

    def log_out(self, login: Login) -> None:
        """End a login."""
        self._logins.end(login)

    def is_logged_in(self, login: Login) -> bool:
        """Whether that is a login that goes on."""
        return self._logins.holds(login, self.token_sha256())


async def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


async def _control(request: Request) -> Control:
    control: Control = request.app.state.control
    return control


AccessOf = Annotated[Access, Depends(_access)]
ControlOf = Annotated[Control, Depends(_control)]
_Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(auto_error=False, description="The operator's token.")),
]


def cookie_of(request: Request) -> str:
    """The name of the login's cookie, which every port of a host gets: so it has the port in it, by
    which the listener is reached, and two relays on a host do not log each other's operators out.
    """
    port = port_of(request.headers["host"])
    return f"relay_admin_{port}" if port else "relay_admin"


def login_of(request: Request) -> Login | None:
    """What a page sends to say that somebody has logged in on it."""
    cookie, page = request.cookies.get(cookie_of(request)), request.headers.get("x-relay")
    return None if cookie is None or page is None else Login(cookie, page)


def address_of(request: Request) -> str:
    """Where a request comes from; empty for a Unix socket."""
    return request.client.host if request.client is not None else ""


async def token_is_known(access: AccessOf) -> None:
    """Let a request pass only where there is a token."""
    access.token_sha256()


async def may_read(request: Request, access: AccessOf, bearer: _Bearer) -> bool:
    """Let the operator pass; return whether they have shown the token itself."""
    access.token_sha256()
    if bearer is not None:
        access.check_token(bearer.credentials, address_of(request))
        return True
    login = login_of(request)
    if login is not None and access.is_logged_in(login):
        return False
    raise HTTPException(401, "log in, or send the token", {"WWW-Authenticate": "Bearer"})


async def may_change(
    request: Request, control: ControlOf, has_token: Annotated[bool, Depends(may_read)]
) -> None:
    """Let the operator pass; by a login, only from a page of this listener."""
    if has_token:
        return
    admin = control.settings.admin
    names = frozenset[str]() if admin is None else admin.hosts
    fields = request.headers
    origin, site = fields.get("origin"), fields.get("sec-fetch-site")
    if not is_same_origin(origin, site, fields["host"], names):
        raise HTTPException(403, "this has to come from a page of this listener")
