"""Users, API keys, stored answers of repeated requests, and failed logins."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import string
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import OperationalError, models
from django.db.models import Q

from accounts.roles import SEES_EVERY_CLIENT, Role
from accounts.times import Times
from flows.clock import now
from flows.ids import new_id
from planning.zones import UTC_NAME

PREFIX_ALPHABET = string.ascii_lowercase + string.digits
TOUCH_EVERY = dt.timedelta(minutes=1)


class User(AbstractUser):
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.CLIENT_VIEWER)
    email = models.EmailField(blank=True)
    timezone = models.CharField(max_length=64, default=UTC_NAME)  # IANA name
    times = models.CharField(max_length=8, choices=Times.choices, default=Times.CAMPAIGN)
    one_page_forms = models.BooleanField(default=False)  # long forms whole instead of in steps

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"

    @property
    def effective_role(self) -> Role:
        """A superuser is ops, whatever its role says: admin rights never include deciding."""
        return Role.OPS if self.is_superuser else Role(self.role)

    @property
    def sees_every_client(self) -> bool:
        return self.effective_role in SEES_EVERY_CLIENT

    @property
    def label(self) -> str:
        return self.get_full_name() or self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps the door to the admin in step with the role: losing the role closes it at once."""
        self.is_staff = self.is_superuser or self.role == Role.OPS
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "is_staff"}
        super().save(*args, **kwargs)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Ops hold every model permission; what the admin lets them do is limited by each admin class."""
        return self._is_acting_ops() or super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        return self._is_acting_ops() or super().has_module_perms(app_label)

    def _is_acting_ops(self) -> bool:
        return self.is_active and self.effective_role == Role.OPS


class ApiKey(models.Model):
    """Acts for one user within its scopes. The secret is kept as a hash and shown once, when issued."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prefix = models.CharField(max_length=11, unique=True, editable=False)
    secret_hash = models.CharField(max_length=128, editable=False)  # SHA-512, hex
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    scopes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @classmethod
    def issue(
        cls, user: User, name: str, scopes: Iterable[str] = (), expires_at: dt.datetime | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its token `fd_xxxxxxxx.secret`, which cannot be read again.

        A fast hash is enough: the secret is 256 random bits, so there is nothing to guess.
        """
        prefix = "fd_" + "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(8))
        secret = secrets.token_urlsafe(32)
        key = cls.objects.create(
            prefix=prefix,
            secret_hash=_hash(secret),
            user=user,
            name=name,
            scopes=sorted(set(scopes)),
            expires_at=expires_at,
        )
        return key, f"{prefix}.{secret}"

    @classmethod
    def of_token(cls, token: str) -> ApiKey | None:
        """The usable key of this token, else None. Unknown, wrong, expired and revoked take the same path."""
        prefix, _, secret = token.partition(".")
        key = cls.objects.select_related("user").filter(prefix=prefix).first()
        right = hmac.compare_digest(_hash(secret), key.secret_hash if key else "0" * 128)
        return key if key is not None and right and key.is_usable else None

    @property
    def is_usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= now()
        return self.revoked_at is None and not expired and self.user.is_active

    @property
    def state(self) -> str:
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now():
            return "expired"
        return "active" if self.user.is_active else "user disabled"

    def touch(self) -> None:
        """Notes the use, at most once a minute, so that a busy reader does not become a writer."""
        stale = now() - TOUCH_EVERY
        if self.last_used_at is not None and self.last_used_at > stale:
            return
        untouched = Q(last_used_at=None) | Q(last_used_at__lte=stale)
        with suppress(OperationalError):  # a database too busy for this note may still answer the request
            ApiKey.objects.filter(untouched, pk=self.pk).update(last_used_at=now())


def _hash(secret: str) -> str:
    return hashlib.sha512(secret.encode()).hexdigest()


class IdempotencyRecord(models.Model):
    """What a request with an `Idempotency-Key` was answered; written in the transaction of what it made."""

    principal = models.CharField(max_length=64)
    route = models.CharField(max_length=160)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(
        default="", blank=True
    )  # JSON text as sent, so that a replay is the same to the byte
    headers = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "route", "key"], name="one_answer_per_idempotency_key"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class FailedLogin(models.Model):
    """A wrong (or not yet finished) login, counted per account and address."""

    account = models.CharField(max_length=64)  # hash of the name as typed: typos may hold passwords
    address = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "address", "at"], name="failed_login_pair"),
            models.Index(fields=["address", "at"], name="failed_login_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} at {self.at:%Y-%m-%d %H:%M:%S}"


from accounts.saved_views import SavedView  # noqa: E402, F401  registers its model
