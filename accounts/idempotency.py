"""`Idempotency-Key`: a repeated request gets the first answer again, and nothing happens twice.

The key is written first, in the transaction of everything that the request does, so a second request with it
waits on that row (PostgreSQL) or on the write lock (SQLite) and then finds the finished answer. Refusals are not
kept: they have changed nothing, and the corrected request may use the same key.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.db import IntegrityError, OperationalError, transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import IdempotencyRecord
from config.problems import Problem
from flows.clock import now
from flows.fingerprint import digest

HEADER = "Idempotency-Key"
KEY = re.compile(r"\A[A-Za-z0-9._:-]{8,255}\Z", re.ASCII)
KEPT_FOR = dt.timedelta(days=7)
KEPT_HEADERS = ("Location", "Content-Location", "Preference-Applied")

P = ParamSpec("P")
Handler = Callable[Concatenate[Any, Request, P], Response]  # (view, request, ...)


def idempotent(handler: Handler[P]) -> Handler[P]:
    """Decorator for methods of DRF views that take (self, request, ...). Without the header nothing changes.

    With it, the handler runs inside `transaction.atomic()`: a successful answer and its effects commit
    together. Raises Problem 400 for a malformed key, 409 `idempotency_conflict` when the key was used for another
    request, 409 `idempotency_in_flight` when the first request has not finished in time.
    """

    @wraps(handler)
    def once(view: Any, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = _key_of(request)
        if key is None:
            return handler(view, request, *args, **kwargs)
        asked, claimed = _Asked(request, key), False
        try:
            with transaction.atomic():
                record = asked.claim()
                if record is None:
                    return asked.replay()
                claimed = True
                response = handler(view, request, *args, **kwargs)
                if response.status_code >= 400:
                    raise _NotKept(response)
                _keep(record, response)
                return response
        except _NotKept as refused:
            return refused.response
        except OperationalError as error:  # the wait for the first request was too long
            if claimed:
                raise
            raise _in_flight() from error

    return once


def forget_expired() -> int:
    """Drops answers older than 7 days; returns how many. For the hourly pruning."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lte=now() - KEPT_FOR).delete()
    return deleted


class _NotKept(Exception):
    """Carries a refusal out of the transaction, which undoes the claim."""

    def __init__(self, response: Response) -> None:
        self.response = response


class _Asked:
    """One request with a key: whose, on which route, for what."""

    def __init__(self, request: Request, key: str) -> None:
        match = request.resolver_match
        # By user, not by API key: a retry after a key rotation must still find its first answer.
        self.identity = {
            "principal": f"user:{request.user.pk}",
            "route": f"{request.method} {match.route if match else request.path}"[:160],
            "key": key,
        }
        self.digest = digest([request.method, request.get_full_path(), request.data])

    def claim(self) -> IdempotencyRecord | None:
        """The new record, or None when the key was used before.

        Waits for a request that holds the key, no longer than the database waits for any lock (5 s, settings).
        """
        try:
            with transaction.atomic():
                return IdempotencyRecord.objects.create(request_digest=self.digest, **self.identity)
        except IntegrityError:
            pass
        if not IdempotencyRecord.objects.filter(created_at__lte=now() - KEPT_FOR, **self.identity).delete()[
            0
        ]:
            return None
        return IdempotencyRecord.objects.create(request_digest=self.digest, **self.identity)

    def replay(self) -> Response:
        record = IdempotencyRecord.objects.filter(**self.identity).first()
        if record is None:
            raise _in_flight()
        if record.request_digest != self.digest:
            raise Problem(
                409,
                "idempotency_conflict",
                f"This {HEADER} was used for a different request. Nothing was changed.",
                [
                    {
                        "field": HEADER,
                        "code": "idempotency_conflict",
                        "message": "Use a new key for a new request.",
                    }
                ],
            )
        headers = {**record.headers, "Idempotent-Replayed": "true"}
        return Response(json.loads(record.body), status=record.status, headers=headers)


def _key_of(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is None or KEY.match(key):
        return key
    message = "Use 8 to 255 characters out of A-Z a-z 0-9 . _ : -"
    raise Problem(
        400,
        "invalid_idempotency_key",
        f"The {HEADER} header is not usable.",
        [(HEADER, "invalid_idempotency_key", message)],
    )


def _keep(record: IdempotencyRecord, response: Response) -> None:
    record.status = response.status_code
    record.body = JSONRenderer().render(response.data).decode() or "null"
    record.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    record.save(update_fields=["status", "body", "headers"])


def _in_flight() -> Problem:
    return Problem(
        409,
        "idempotency_in_flight",
        f"The first request with this {HEADER} has not finished. Ask again in a moment.",
        headers={"Retry-After": "1"},
    )
