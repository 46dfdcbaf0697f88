"""The admin's form for a new seller: a thin skin over `sellers.services.add_seller`."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from flows.actors import Actor
from sellers import services
from sellers.models import Dialect, Seller
from sellers.validation import NewSeller, read_new_seller


def _line(label: str, limit: int, *, required: bool = False, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=limit,
        required=required,
        help_text=help_text,
        widget=UnfoldAdminTextInputWidget,
    )


class NewSellerForm(forms.ModelForm):
    url = _line("Base URL", 400, required=True, help_text="OpenDirect includes the version, for example /v2.")
    dialect = forms.ChoiceField(choices=Dialect.choices, widget=UnfoldAdminSelectWidget)
    name = _line("Name", 120)
    slug = _line("Slug", 60, help_text="Left empty, it is made from the name.")
    key = forms.CharField(
        label="Key",
        max_length=4096,
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="Stored encrypted, bound to this host, not shown again.",
    )
    seat_id = _line("Seat id", 80)
    agency_id = _line("Agency id", 80)
    advertiser_id = _line("Advertiser id", 80, help_text="Worth nothing to a seller without an agency id.")
    account_id = _line("OpenDirect account", 36)
    currency = forms.CharField(max_length=3, initial="USD", widget=UnfoldAdminTextInputWidget)
    options = forms.JSONField(required=False, initial=dict, widget=UnfoldAdminTextareaWidget)

    class Meta:
        model = Seller
        fields: list[str] = []  # every field is declared above: nothing reaches the model past the service

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                read_new_seller(NewSeller(**self._described(cleaned)))
            except services.InvalidSeller as invalid:
                for error in invalid.errors:
                    self.add_error(error.field.partition(".")[0], error.message)
        return cleaned

    def _post_clean(self) -> None:
        """The model is not filled from the form: the service builds the row, after its own checks."""

    def register(self, *, actor: Actor, created_by: Any) -> Seller:
        """Store the checked seller. Raises `InvalidSeller` when another request was faster."""
        seller = services.add_seller(actor=actor, created_by=created_by, **self._described(self.cleaned_data))
        self.instance = seller
        return seller

    def save_m2m(self) -> None:
        """The admin calls it after saving; a seller has none."""

    def _described(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        return {name: cleaned.get(name) or ({} if name == "options" else "") for name in self.declared_fields}
