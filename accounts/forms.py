"""The login form, with the limit on guessing built in, so that every door that uses it has it; the choice of zone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from accounts import throttle
from accounts.times import Times
from planning.zones import zone_choices

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


class TimesForm(forms.Form):
    """Only shows the choice; `accounts.services.choose_times` judges it for every door."""

    times = forms.ChoiceField(label="Show times in", choices=Times.choices, widget=forms.RadioSelect)
    timezone = forms.ChoiceField(
        label="My zone",
        choices=zone_choices,
        help_text="Also for your e-mails, your quiet hours and the hour of your summary.",
    )

    def take_errors(self, wrong: ValidationError) -> None:
        self.cleaned_data: dict[str, Any] = {}
        self._errors = forms.utils.ErrorDict()
        for name, sentences in wrong.message_dict.items():
            self._errors[name] = self.error_class(sentences)
