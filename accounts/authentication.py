"""API keys for DRF: `Authorization: Bearer fd_xxxxxxxx.secret` or `X-API-Key: fd_xxxxxxxx.secret`."""

from __future__ import annotations

from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts.models import ApiKey, User

CHALLENGE = 'Bearer realm="flightdeck"'
LONGEST_TOKEN = 200


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """Sets `request.user` to the key's user and `request.auth` to the key. Any unusable key is a 401."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        token = _token_of(request)
        if token is None:
            return None
        key = ApiKey.of_token(token) if len(token) <= LONGEST_TOKEN else None
        if key is None:
            raise exceptions.AuthenticationFailed("This API key is not valid.", code="invalid_key")
        key.touch()
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _token_of(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("X-API-Key")
