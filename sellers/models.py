"""Who we buy from, and what was said on the wire."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from flows.ids import new_id
from sellers.crypto import EncryptedTextField
from sellers.dialects.base import Connection
from sellers.guard import UnsafeUrl, origin_of


class Dialect(models.TextChoices):
    SELLER_AGENT = "seller-agent", "IAB seller agent"
    OPENDIRECT = "opendirect", "OpenDirect 2.1"


class Seller(models.Model):
    """One seller and who we are to it. The key belongs to the origin of `base_url` and never leaves for another."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    base_url = models.CharField(max_length=400)
    origin = models.CharField(max_length=300, editable=False)
    dialect = models.CharField(max_length=20, choices=Dialect.choices)
    api_key = EncryptedTextField(default="", blank=True)
    key_origin = models.CharField(max_length=300, default="", blank=True, editable=False)
    seat_id = models.CharField(max_length=80, default="", blank=True)
    agency_id = models.CharField(max_length=80, default="", blank=True)
    advertiser_id = models.CharField(max_length=80, default="", blank=True)
    account_id = models.CharField("OpenDirect account", max_length=36, default="", blank=True)
    currency = models.CharField(max_length=3, default="USD", help_text="Currency of prices that state none.")
    options = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    probe_result = models.JSONField(default=dict, blank=True)
    probed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["origin", "dialect"], name="one_seller_per_origin_and_dialect"),
            models.CheckConstraint(condition=models.Q(dialect__in=Dialect.values), name="known_dialect"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.bind_key()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def bind_key(self) -> None:
        """Keep the key only while the URL stays at the origin that it was given for (security.md 8.4)."""
        try:
            self.origin = origin_of(self.base_url)
        except UnsafeUrl:
            self.origin = ""
        if self.api_key and self.key_origin and self.key_origin != self.origin:
            self.api_key = ""
        self.key_origin = self.origin if self.api_key else ""

    @property
    def key_hint(self) -> str:
        """The last four characters of the key, for people; nothing of a key so short that four would give it away."""
        return f"...{self.api_key[-4:]}" if len(self.api_key) >= 12 else "set" if self.api_key else ""

    def connection(self) -> Connection:
        """What a dialect needs to speak to this seller. The key is left out unless it belongs to this origin."""
        bound = (
            bool(self.origin) and self.key_origin == self.origin and origin_of(self.base_url) == self.origin
        )
        return Connection(
            slug=self.slug,
            name=self.name,
            base_url=self.base_url,
            dialect=self.dialect,
            api_key=self.api_key if bound else "",
            seat_id=self.seat_id,
            agency_id=self.agency_id,
            advertiser_id=self.advertiser_id,
            account_id=self.account_id,
            options={"currency": self.currency} | self.options,
        )


class SellerOutage(models.Model):
    """A time during which a seller was ill and was left alone but for one try now and then.

    PostgreSQL also keeps two outages of one seller from overlapping (migration 0002).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="outages")
    began_at = models.DateTimeField()  # the first failure of the run
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(
        max_length=60
    )  # code of the latest failure: connect, deadline, reset, http_503, ...
    calls_failed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["seller"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_outage_per_seller",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_at__gt=models.F("began_at")),
                name="outage_ends_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["seller", "-began_at"], name="outage_by_seller")]

    def __str__(self) -> str:
        return f"{self.reason} since {self.began_at}" if self.ended_at is None else f"{self.reason}, over"


class Exchange(models.Model):
    """One request to a seller and its answer, secrets removed, bodies cut to 8 KB. Written once, never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="exchanges")
    correlation_id = models.UUIDField(null=True, blank=True)
    flow_id = models.UUIDField(null=True, blank=True)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    request_headers = models.JSONField(default=dict, blank=True)
    request_body = models.TextField(default="", blank=True)
    request_digest = models.CharField(max_length=64)
    response_headers = models.JSONField(default=dict, blank=True)
    response_body = models.TextField(default="", blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    elapsed_ms = models.FloatField()
    error = models.CharField(max_length=60, default="", blank=True)
    sent = models.BooleanField(default=True)
    notes = models.JSONField(default=list, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["correlation_id"], name="exchange_by_correlation"),
            models.Index(fields=["flow_id"], name="exchange_by_flow"),
            models.Index(fields=["seller", "-at"], name="exchange_by_seller"),
            models.Index(fields=["at"], name="exchange_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status or self.error}"
