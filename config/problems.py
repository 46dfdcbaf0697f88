"""Errors as RFC 9457 problem documents: the exception that views raise, the document, and DRF's handler.

Parsing lives in `config/parsing.py`, the middleware for what goes wrong outside DRF in `config/api_guard.py`;
both are importable from here.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.utils.encoders import JSONEncoder

from approvals.errors import Refused
from config.failing import DATABASE_AWAY, RETRY_AFTER, TRY_AGAIN
from flows.lifecycle import WrongState

security = logging.getLogger("django.security")
failing = logging.getLogger("config.failing")
CONTENT_TYPE = "application/problem+json"
CODES = {
    400: "invalid",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    429: "throttled",
    500: "internal_error",
    503: "unavailable",
}


class Problem(exceptions.APIException):
    """Raise to answer with `status`, a machine-readable `code` and a sentence.

    `errors` are mappings or objects with field, code and message; `extra` members are added to the document;
    `headers` to the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Iterable[Any] = (),
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = status
        self.code = code
        self.errors = [field_error(*_parts(error)) for error in errors]
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        super().__init__(detail, code)


def field_error(field: str, code: str, message: str) -> dict[str, str]:
    """One entry of `errors`: the dotted field and the same as a JSON pointer (RFC 6901)."""
    steps = [step.replace("~", "~0").replace("/", "~1") for step in field.split(".")] if field else []
    return {
        "field": field,
        "pointer": "".join(f"/{step}" for step in steps),
        "code": code,
        "message": message,
    }


def problem_response(
    request: HttpRequest,
    status: int,
    code: str = "",
    detail: str = "",
    *,
    errors: Iterable[Mapping[str, str]] = (),
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A problem document. Standard members win over `extra`."""
    code = code or CODES.get(status, "error")
    document = dict(extra or {}) | {
        "type": f"urn:flightdeck:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail or HTTPStatus(status).description or HTTPStatus(status).phrase,
        "instance": request.path,
        "errors": list(errors),
        "request_id": getattr(request, "request_id", ""),
    }
    body = json.dumps(document, cls=JSONEncoder, ensure_ascii=False)
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's hook. None lets an unexpected error through to Django, which logs it; the middleware hides it."""
    return problem_of(context["request"], error)


def problem_of(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """The document for a known exception."""
    problem = as_problem(error)
    if problem is None:
        return None
    return problem_response(
        request,
        problem.status_code,
        problem.code,
        str(problem.detail),
        errors=problem.errors,
        extra=problem.extra,
        headers=problem.headers,
    )


def as_problem(error: Exception) -> Problem | None:
    """The problem that says the same as a known exception of Django, DRF or a room; None for any other."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refused):
        errors = [(error.field, error.code, error.message)] if error.field else []
        return Problem(error.status, error.code, error.message, errors, extra=error.extra)
    if isinstance(error, WrongState):
        return Problem(409, "wrong_state", f"{error}.", extra={"state": error.state})
    if isinstance(error, Http404):
        return Problem(404, CODES[404], "Not found.")
    if isinstance(error, PermissionDenied):
        return Problem(403, CODES[403], "Your role does not allow this.")
    if isinstance(error, SuspiciousOperation):
        security.warning("%s: %s", type(error).__name__, error)
        return Problem(400, CODES[400], "This request cannot be read.")
    if isinstance(error, DjangoValidationError):
        return _invalid(list(_django_errors(error)))
    if isinstance(error, exceptions.ValidationError):
        return _invalid(list(_flat(error.detail)))
    if isinstance(error, exceptions.APIException):
        return _of_drf(error)
    if isinstance(error, DATABASE_AWAY):
        failing.warning("the database did not serve a request: %s", error)
        return Problem(503, CODES[503], TRY_AGAIN, headers={"Retry-After": RETRY_AFTER})
    return None


def _parts(error: Any) -> tuple[str, str, str]:
    if isinstance(error, Mapping):
        return str(error["field"]), str(error["code"]), str(error["message"])
    if isinstance(error, tuple):
        field, code, message = error
        return field, code, message
    return str(error.field), str(error.code), str(error.message)


def _invalid(errors: list[tuple[str, str, str]]) -> Problem:
    named = sorted({field for field, _, _ in errors if field})
    detail = (
        f"Please correct: {', '.join(named)}." if named else " ".join(message for _, _, message in errors)
    )
    return Problem(400, CODES[400], detail, errors)


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """DRF's nested error details, one by one, with dotted paths."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(filter(None, (path, step))))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            leaf = isinstance(inner, str)
            yield from _flat(inner, path if leaf else ".".join(filter(None, (path, str(index)))))
    else:
        yield path, getattr(detail, "code", None) or "invalid", str(detail)


def _django_errors(error: DjangoValidationError) -> Iterator[tuple[str, str, str]]:
    by_field = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    for field, problems in by_field.items():
        for problem in problems:
            yield ("" if field == "__all__" else field), problem.code or "invalid", " ".join(problem.messages)


def _of_drf(error: exceptions.APIException) -> Problem:
    code = CODES.get(error.status_code, "error")
    detail, headers = str(error.detail), {}
    if isinstance(error, exceptions.PermissionDenied):
        code, detail = _why_forbidden(detail)
    if isinstance(error, exceptions.AuthenticationFailed):
        code = str(error.get_codes())
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    return Problem(error.status_code, code, detail, headers=headers)


def _why_forbidden(detail: str) -> tuple[str, str]:
    if detail.startswith("CSRF Failed"):
        return "csrf_failed", detail
    return CODES[403], "Your role, or the scopes of this key, do not allow this."


# Settings and other rooms know these under this module's name.
from config.api_guard import ApiProblemMiddleware, api_not_found  # noqa: E402
from config.parsing import StrictJSONParser  # noqa: E402

__all__ = [
    "ApiProblemMiddleware",
    "Problem",
    "StrictJSONParser",
    "api_not_found",
    "as_problem",
    "exception_handler",
    "field_error",
    "problem_of",
    "problem_response",
]
