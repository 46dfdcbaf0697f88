"""The login form, with the limit on guessing built in, so that every door that uses it has it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from accounts import throttle

TOO_MANY = "Too many wrong attempts. Please wait a few minutes and try again."


class LoginForm(AuthenticationForm):
    """Same text and same work for a wrong password, an unknown name and a disabled user."""

    error_messages = {
        "invalid_login": "This name and password do not belong together. Both are case-sensitive.",
        "inactive": "This name and password do not belong together. Both are case-sensitive.",
    }

    def clean(self) -> dict[str, Any]:
        attempt = throttle.begin(self._username, self._address)
        if attempt is None:
            raise ValidationError(TOO_MANY, code="throttled")
        cleaned = super().clean()
        throttle.succeed(attempt)
        return cleaned

    @property
    def is_throttled(self) -> bool:
        return self.has_error(NON_FIELD_ERRORS, "throttled")

    def seconds_to_wait(self) -> int:
        return throttle.seconds_to_wait(self._username, self._address)

    @property
    def _username(self) -> str:
        return str(self.data.get("username", ""))

    @property
    def _address(self) -> str:
        return str(self.request.META.get("REMOTE_ADDR", "")) if self.request else ""
