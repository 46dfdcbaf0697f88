"""The preferences as a form. Which channel for which kind is a table of boxes named `kind:channel`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.models import User
from accounts.permissions import can
from notifications import people, selectors, wishes
from notifications.kinds import KINDS, Channel, Kind
from notifications.models import Preference
from planning.zones import zone_choices


@dataclass(frozen=True)
class Box:
    value: str
    id: str
    channel: str
    label: str
    checked: bool


@dataclass(frozen=True)
class KindRow:
    kind: Kind
    boxes: list[Box]


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, obj: User) -> str:
        return obj.label


class PreferencesForm(forms.Form):
    on = forms.MultipleChoiceField(required=False)
    digest_hour = forms.ChoiceField(
        label="E-mails",
        required=False,
        choices=[
            ("", "Each one at once"),
            *((str(h), f"One summary a day, at {h:02d}:00") for h in range(24)),
        ],
        help_text="By the clock of your time zone.",
    )
    timezone = forms.ChoiceField(
        label="Your time zone", help_text="Pages can show times in it too: user menu, Times."
    )
    quiet_from = forms.TimeField(
        label="Quiet from",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="E-mails and webhooks wait until the quiet is over.",
    )
    quiet_until = forms.TimeField(
        label="Quiet until",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    deputy = PersonField(
        label="Deputy",
        required=False,
        queryset=User.objects.none(),
        empty_label="Nobody",
        help_text="Is told of a decision that waits for you when nine tenths of its time are over, "
        "if they may take it themselves.",
    )

    def __init__(self, user: User, preference: Preference, data: QueryDict | None = None) -> None:
        super().__init__(data, initial=_initial(preference))
        self.user, self.preference = user, preference
        self.kinds = [KINDS[name] for name in selectors.kinds_of(user)]
        self._choices("on", [(f"{k.name}:{c}", "") for k in self.kinds for c in Channel.values])
        self._choices("timezone", zone_choices())
        if can(user, "booking.confirm"):
            able = [one.pk for one in people.users_who("booking.confirm") if one.pk != user.pk]
            deputy = self.fields["deputy"]
            assert isinstance(deputy, PersonField)
            deputy.queryset = User.objects.filter(pk__in=able).order_by("first_name", "username")
        else:
            del self.fields["deputy"]

    def _choices(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_digest_hour(self) -> int | None:
        text = self.cleaned_data["digest_hour"]
        return int(text) if text else None

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        start, end = found.get("quiet_from"), found.get("quiet_until")
        if (start is None) != (end is None) and not self.errors:
            self.add_error("quiet_until" if end is None else "quiet_from", "Give both hours, or neither.")
        elif start is not None and start == end:
            self.add_error("quiet_until", "The quiet must end at another hour than it begins.")
        return found

    def chosen(self) -> dict[str, Any]:
        """Fields of `Preference`. Kinds that this role is not told of keep what was chosen for them before."""
        found = dict(self.cleaned_data)
        boxes = found.pop("on")
        channels = dict(self.preference.channels)
        for kind in self.kinds:
            channels[kind.name] = [c for c in Channel.values if f"{kind.name}:{c}" in boxes]
        return found | {"channels": channels}

    def rows(self) -> list[KindRow]:
        """The table: as posted, or as it is kept."""
        return [KindRow(kind, [self._box(kind, channel) for channel in Channel]) for kind in self.kinds]

    def _box(self, kind: Kind, channel: Channel) -> Box:
        value = f"{kind.name}:{channel}"
        if isinstance(self.data, QueryDict) and self.is_bound:
            checked = value in self.data.getlist("on")
        else:
            checked = channel in wishes.channels_for(self.preference, kind.name)
        return Box(
            value, f"id_on_{kind.name}_{channel}", channel.label, f"{kind.label}: {channel.label}", checked
        )


def _initial(preference: Preference) -> dict[str, Any]:
    return {
        "digest_hour": "" if preference.digest_hour is None else str(preference.digest_hour),
        "timezone": preference.user.timezone,
        "quiet_from": preference.quiet_from,
        "quiet_until": preference.quiet_until,
        "deputy": preference.deputy_id,
    }
