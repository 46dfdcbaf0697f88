"""Checking the description of a new seller: every problem at once, each with its field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.text import slugify

from planning.types import FieldError
from sellers.gate import MOST_CONCURRENT
from sellers.guard import UnsafeUrl, check_url, origin_of
from sellers.models import Dialect, Seller

LONGEST_KEY = 4096
LONGEST_OPTIONS = 4000
KNOWN_OPTIONS = frozenset(
    {
        "account_id",
        "advertiserbrandid",
        "agent_url",
        "agent_url_trusted",
        "auth_header",
        "auth_scheme",
        "brand",
        "concurrency",
        "currency",
        "free_cancel_days",
        "method",
        "non_cancelable",
        "publisherid",
        "quote_ttl_minutes",
    }
)
_HEADER = re.compile(r"^[A-Za-z][A-Za-z0-9-]{0,60}$")
_FORBIDDEN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type"})
_LIMITS = {"name": 120, "slug": 60, "seat_id": 80, "agency_id": 80, "advertiser_id": 80, "account_id": 36}


class InvalidSeller(ValueError):
    """Raised with every error found."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


@dataclass(frozen=True)
class NewSeller:
    url: str
    dialect: str
    name: str = ""
    key: str = field(default="", repr=False)
    seat_id: str = ""
    agency_id: str = ""
    advertiser_id: str = ""
    account_id: str = ""
    slug: str = ""
    currency: str = "USD"
    options: dict[str, Any] = field(default_factory=dict)


def read_new_seller(given: NewSeller) -> NewSeller:
    """The description with its defaults filled in. Raises `InvalidSeller`; resolves the URL's host."""
    errors = [
        *_url_errors(given),
        *_identity_errors(given),
        *_text_errors(given),
        *_option_errors(given.options),
    ]
    problem = key_problem(given.key) if given.key else None
    if problem:
        errors.append(problem)
    if errors:
        raise InvalidSeller(errors)
    url = given.url.rstrip("/")
    name = given.name.strip() or origin_of(url).split("://", 1)[1].rsplit(":", 1)[0]
    return replace(given, url=url, name=name, currency=given.currency.upper())


def key_problem(key: str) -> FieldError | None:
    """Why the key cannot go into an HTTP header; None when it can."""
    if not key:
        return FieldError("key", "required", "Give the new key.")
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable() or key != key.strip():
        message = "A key is printable ASCII on one line, without spaces around it."
        return FieldError("key", "invalid", message)
    return None


def free_slug(name: str) -> str:
    """A slug made from the name that no seller has yet."""
    stem = slugify(name)[:54] or "seller"
    taken = set(Seller.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)


def _url_errors(given: NewSeller) -> Iterator[FieldError]:
    if given.dialect not in Dialect.values:
        yield FieldError("dialect", "invalid", f"Choose one of {', '.join(Dialect.values)}.")
    if not given.url:
        yield FieldError("url", "required", "Give the seller's base URL.")
        return
    try:
        target = check_url(given.url)
    except UnsafeUrl as unsafe:
        yield FieldError("url", unsafe.code, unsafe.message)
        return
    if given.dialect == Dialect.OPENDIRECT and not re.search(r"/v\d+(/|$)", target.path):
        yield FieldError("url", "version", "An OpenDirect base URL ends in its version, for example /v2.")
    if Seller.objects.filter(origin=target.origin, dialect=given.dialect).exists():
        yield FieldError("url", "duplicate", "This seller is registered already.")


def _identity_errors(given: NewSeller) -> Iterator[FieldError]:
    if given.advertiser_id and not given.agency_id:
        message = "An advertiser id without an agency id is worth nothing to a seller: give both, or neither."
        yield FieldError("agency_id", "required", message)


def _text_errors(given: NewSeller) -> Iterator[FieldError]:
    for name, limit in _LIMITS.items():
        text = getattr(given, name)
        if len(text) > limit:
            yield FieldError(name, "too_long", f"At most {limit} characters.")
        elif not text.isprintable():
            yield FieldError(name, "invalid", "Leave control characters out.")
    if given.slug and slugify(given.slug) != given.slug:
        yield FieldError("slug", "invalid", "A slug has small letters, digits and hyphens only.")
    elif given.slug and Seller.objects.filter(slug=given.slug).exists():
        yield FieldError("slug", "duplicate", "Another seller has this slug.")
    if not re.fullmatch(r"[A-Za-z]{3}", given.currency):
        yield FieldError("currency", "invalid", "Give an ISO 4217 code such as USD.")


def _option_errors(options: Any) -> Iterator[FieldError]:
    if not isinstance(options, dict) or len(json.dumps(options, default=str)) > LONGEST_OPTIONS:
        yield FieldError("options", "invalid", "Options are a small object.")
        return
    for name in sorted(set(options) - KNOWN_OPTIONS):
        yield FieldError(f"options.{name}", "unknown", "There is no such option.")
    header = options.get("auth_header", "AccessToken")
    if not isinstance(header, str) or not _HEADER.match(header) or header.lower() in _FORBIDDEN_HEADERS:
        yield FieldError(
            "options.auth_header", "invalid", "Give the name of the header that carries the key."
        )
    scheme = options.get("auth_scheme", "")
    if not isinstance(scheme, str) or (scheme and not scheme.isalnum()):
        yield FieldError("options.auth_scheme", "invalid", "Give one word such as Bearer, or leave it empty.")
    calls = options.get("concurrency", 1)
    if isinstance(calls, bool) or not isinstance(calls, int) or not 1 <= calls <= MOST_CONCURRENT:
        message = f"Give a whole number of calls at once, from 1 to {MOST_CONCURRENT}."
        yield FieldError("options.concurrency", "invalid", message)
    days = options.get("free_cancel_days", 0)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= 365:
        yield FieldError("options.free_cancel_days", "invalid", "Give whole days from 0 to 365.")
    if not isinstance(options.get("non_cancelable", False), bool):
        yield FieldError("options.non_cancelable", "invalid", "Give true or false.")
    if options.get("method", "PATCH") not in ("PATCH", "PUT"):
        yield FieldError("options.method", "invalid", "Choose PATCH or PUT.")
    if options.get("agent_url") is not None and not str(options["agent_url"]).startswith("https://"):
        yield FieldError("options.agent_url", "invalid", "Our agent URL starts with https://.")
