"""The brief as a form. It only turns text into the wire form; `planning.brief` judges it, as for every other door."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django import forms

from bookings.drafts.paths import form_field
from crm.selectors import visible_organizations
from planning.booking_policy import ALL_OR_NOTHING, AT_LEAST, KEEP_PARTIAL
from planning.types import CHANNELS, FieldError
from planning.zones import zone_choices

PACING_WORDS = {"even": "Even over the flight", "ahead": "Ahead of even", "asap": "As soon as possible"}
CHANNEL_LABELS = {"branding": "Branding", "ctv": "CTV", "mobile": "Mobile", "performance": "Performance"}
LIST_FIELDS = ("interests", "geo", "behaviors", "demographics")
SHARE_FIELDS = tuple(f"{side}_{channel}" for channel in CHANNELS for side in ("least", "most"))
KPI_FIELDS = (
    "max_cpm",
    "target_cpm",
    "impressions",
    "viewability",
    "completion_rate",
    "ctr",
    "brand_safety",
)
_SELLER_SHARE = re.compile(r"(\S+)\s+([0-9.]+ ?%?)(?:\s*-\s*([0-9.]+ ?%?))?")


def _text(label: str, help_text: str = "", *, required: bool = False, **attrs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=forms.TextInput(attrs=attrs)
    )


def _campaign_zones() -> list[tuple[str, Any]]:
    return [("", "The client's own"), *zone_choices()]


class BriefForm(forms.Form):
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    client = forms.ChoiceField(label="Client", choices=())
    name = _text("Campaign name", required=True, maxlength=100, autocomplete="off")
    advertiser = _text("Advertiser", "The brand that is advertised, if it differs from the client.")
    objectives = forms.CharField(
        label="Objectives",
        help_text="One per line, in your own words: brand awareness, reach, online sales, app installs ...",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    start_date = forms.CharField(
        label="First day",
        help_text="From its first minute in the campaign's time zone.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    end_date = forms.CharField(
        label="Last day",
        help_text="Included, to its last minute in the campaign's time zone.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    timezone = forms.ChoiceField(
        label="Time zone",
        required=False,
        choices=_campaign_zones,
        help_text="The flight's days begin and end in it.",
    )
    budget = _text(
        "Budget", "For all channels together.", required=True, inputmode="decimal", autocomplete="off"
    )
    currency = forms.ChoiceField(
        label="Currency", choices=[(c, c) for c in ("USD", "EUR", "GBP", "JPY", "CHF", "SEK")]
    )
    pacing = forms.ChoiceField(
        label="Pacing",
        required=False,
        choices=list(PACING_WORDS.items()),
        help_text=(
            "No seller's format has a field for it. Anything but even goes with the order as an instruction, which a "
            "seller may leave aside."
        ),
    )
    max_cpm = _text(
        "Highest CPM", "No line above this price per 1,000 impressions is proposed.", inputmode="decimal"
    )
    target_cpm = _text("Target CPM", "What you hope to pay.", inputmode="decimal")
    impressions = _text(
        "Impressions wanted", "You are warned if the budget cannot buy them.", inputmode="numeric"
    )
    viewability = _text(
        "Viewability", "Share of impressions in view, such as 70 % (write 70 or 0.7).", inputmode="decimal"
    )
    completion_rate = _text("Completion rate", "For video and CTV, such as 80 %.", inputmode="decimal")
    ctr = _text("Click rate", "Share of impressions clicked, such as 0.2 %.", inputmode="decimal")
    brand_safety = forms.ChoiceField(
        label="Brand safety",
        required=False,
        choices=[("", "No requirement"), ("standard", "Standard"), ("high", "High"), ("strict", "Strict")],
    )
    age = _text("Age", "A range such as 25-54.", placeholder="25-54")
    gender = forms.MultipleChoiceField(
        label="Gender",
        required=False,
        choices=[("female", "Female"), ("male", "Male"), ("other", "Other")],
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked means everyone.",
    )
    geo = _text("Places", "Countries or regions, comma-separated, such as US, US-CA.")
    interests = _text("Interests", "Comma-separated.")
    behaviors = _text("Behaviours", "Comma-separated, such as in-market for cars.")
    demographics = _text("Other demographics", "Comma-separated, such as parents, students.")
    channels = forms.MultipleChoiceField(
        label="Channels",
        required=False,
        choices=list(CHANNEL_LABELS.items()),
        initial=list(CHANNELS),
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked means all four.",
    )
    sellers_included = _text("Only these sellers", "Short names, comma-separated; empty means all.")
    sellers_excluded = _text("Not these sellers", "Short names, comma-separated.")
    seller_shares = _text(
        "Must-have sellers", "Each with its least share of the budget, such as northlight 20 %, or 20-60 %."
    )
    max_seller_share = _text("At most per seller", "Share of the budget, such as 0.6.", inputmode="decimal")
    frequency_count = _text("Frequency cap", "Impressions per person ...", inputmode="numeric")
    frequency_interval = forms.ChoiceField(
        label="... per",
        required=False,
        choices=[("Day", "day"), ("Week", "week"), ("Month", "month"), ("LineDuration", "whole flight")],
    )
    policy_kind = forms.ChoiceField(
        label="If a line cannot be booked",
        required=False,
        choices=[
            (KEEP_PARTIAL, "Keep what is booked"),
            (ALL_OR_NOTHING, "All or nothing"),
            (AT_LEAST, "At least a share of the approved cost"),
        ],
        help_text=(
            "Keep: what is booked stays, even if another line is refused. All or nothing: if one line is refused, the "
            "others are cancelled. At least a share: they are cancelled if less than that can be booked. Cancelling "
            "may cost money close to the start, and a seller may refuse it; that line then stays booked and paid for. "
            "It holds over the lines of each approval and cannot be changed later."
        ),
    )
    policy_share = _text(
        "At least",
        "Only with that last choice: the share of the approved cost, such as 80 % (write 80 or 0.8).",
        inputmode="decimal",
    )
    notes = forms.CharField(label="Notes", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    auto_approve = forms.BooleanField(
        label="Book without asking, if policy allows",
        required=False,
        help_text="Only up to the limit that your agency's policy sets. Above it a person decides as usual.",
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clients = [(row.slug, row.name) for row in visible_organizations(user).order_by("name")]
        choice = self.fields["client"]
        if isinstance(choice, forms.ChoiceField):
            choice.choices = clients
        for side, words in (("least", "at least"), ("most", "at most")):
            for channel in CHANNELS:
                self.fields[f"{side}_{channel}"] = _text(
                    f"{CHANNEL_LABELS[channel]}, {words}", inputmode="decimal", placeholder="%"
                )
        if not self.is_bound:
            self.initial.setdefault("form_id", uuid.uuid4())
            self.initial.setdefault("channels", list(CHANNELS))

    @property
    def channel_shares(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """For each channel its name and the fields of its smallest and largest share."""
        return [(CHANNEL_LABELS[name], self[f"least_{name}"], self[f"most_{name}"]) for name in CHANNELS]

    def wire(self) -> dict[str, Any]:
        """What was typed, in the form that REST takes too. Nothing is judged here."""
        typed = {name: self._typed(name) for name in self.fields}
        audience = {name: _split(typed[name]) for name in LIST_FIELDS if typed[name]}
        audience |= {name: typed[name] for name in ("age", "gender") if typed[name]}
        kpis = {name: typed[name] for name in KPI_FIELDS if typed[name]}
        constraints: dict[str, Any] = {
            name: _split(typed[name]) for name in ("sellers_included", "sellers_excluded") if typed[name]
        }
        if typed["seller_shares"]:
            constraints["seller_shares"] = _shares_of_sellers(typed["seller_shares"])
        if shares := _shares_of_channels(typed):
            constraints["channel_shares"] = shares
        if typed["max_seller_share"]:
            constraints["max_seller_share"] = typed["max_seller_share"]
        if typed["frequency_count"]:
            constraints["frequency_cap"] = {
                "count": _whole(typed["frequency_count"]),
                "interval": typed["frequency_interval"] or "Day",
            }
        plain = (
            *("client", "name", "advertiser", "budget", "currency", "start_date", "end_date"),
            *("timezone", "pacing", "notes"),
        )
        data: dict[str, Any] = {name: typed[name] for name in plain if typed[name]}
        data["objectives"] = [
            line.strip() for line in (typed["objectives"] or "").splitlines() if line.strip()
        ]
        if typed["channels"]:
            data["channels"] = typed["channels"]
        data["target_audience"] = audience  # an empty one means everybody
        data |= {name: part for name, part in (("kpis", kpis), ("constraints", constraints)) if part}
        data["auto_approve"] = bool(typed["auto_approve"])
        policy = {"kind": typed["policy_kind"] or KEEP_PARTIAL, "share": typed["policy_share"]}
        if policy["share"] or policy["kind"] != KEEP_PARTIAL:
            data["booking_policy"] = {name: value for name, value in policy.items() if value}
        return data

    def _typed(self, name: str) -> Any:
        field = self.fields[name]
        value = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
        return value.strip() if isinstance(value, str) else value

    def take_errors(self, errors: Sequence[FieldError], *, of: Collection[str] | None = None) -> None:
        """Put each error of the brief beside its field; what has no field of its own goes on top. With `of`, only what
        is wrong with these fields is said."""
        self.cleaned_data = getattr(self, "cleaned_data", {})
        for name in [name for name in self.errors if of is not None and name not in of]:
            del self.errors[name]
        judged = {form_field(error.field) for error in errors}
        for name in [name for name in self.errors if name in judged]:
            del self.errors[name]  # the brief's own sentence says more than "required"
        for error in errors:
            field = form_field(error.field)
            message = error.message if field else f"{error.field}: {error.message}".lstrip(": ")
            if message not in self.errors.get(field or "__all__", []):
                self.add_error(field, forms.ValidationError(message, code=error.code))


def _shares_of_channels(typed: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    sides = (("min", "least"), ("max", "most"))
    shares = {
        channel: {key: typed[f"{side}_{channel}"] for key, side in sides if typed[f"{side}_{channel}"]}
        for channel in CHANNELS
    }
    return {channel: share for channel, share in shares.items() if share}


def _shares_of_sellers(text: str) -> dict[str, Any]:
    """`northlight 20-60 %` as a range; what is not written like that stays as it is, and the reader says so."""
    shares: dict[str, Any] = {}
    for part in _split(text):
        match = _SELLER_SHARE.fullmatch(part)
        if match is None:
            shares[part] = part
        else:
            shares[match[1]] = {key: value for key, value in (("min", match[2]), ("max", match[3])) if value}
    return shares


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


def _whole(text: str) -> Any:
    return int(text) if text.isdecimal() and len(text) < 10 else text
