"""Text that is encrypted in the database: seller keys and tokens.

`FLIGHTDECK_ENCRYPTION_KEYS` lists Fernet keys, newest first: the first encrypts, all of them decrypt, so a key is
rotated by putting a new one in front and calling `Seller.save()` on each row (`services.reencrypt_all`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class UnreadableSecret(Exception):
    """The stored text was altered, or none of our keys made it."""


def encrypt(text: str) -> str:
    return _box().encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """Raises `UnreadableSecret`."""
    if not token:
        return ""
    try:
        return _box().decrypt(token.encode()).decode()
    except InvalidToken as wrong:
        raise UnreadableSecret("a stored secret cannot be decrypted with the configured keys") from wrong


class EncryptedTextField(models.TextField):
    """Plain text in Python, a Fernet token (AES-128-CBC with HMAC-SHA256) in the database. Not searchable."""

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return value if value is None else decrypt(value)

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return prepared if prepared is None else encrypt(prepared)

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def value_to_string(self, obj: models.Model) -> str:
        return encrypt(str(self.value_from_object(obj) or ""))  # dumpdata must not undo the encryption


def _box() -> MultiFernet:
    return _box_of(tuple(settings.FLIGHTDECK_ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _box_of(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys])
    except ValueError as wrong:
        raise ImproperlyConfigured(
            "FLIGHTDECK_ENCRYPTION_KEYS must list Fernet keys, newest first."
        ) from wrong
