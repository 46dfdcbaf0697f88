"""The outermost middleware: names every request, caps bodies, turns what fails outside DRF into problems."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from config.failing import TRY_AGAIN
from config.parsing import LARGEST_BODY

API = "/api/"
REQUEST_ID = re.compile(r"\A[A-Za-z0-9._:-]{8,128}\Z", re.ASCII)
JSON = re.compile(r"application/(problem\+)?json\b")
OURS = "Something failed on our side. Quote the request id when you report it."
NAMESPACE = uuid.UUID("6f2c2f0e-5c0e-4a7c-9a52-0d6a4b3f7e11")


class ApiProblemMiddleware:
    """Sets `request.request_id` (echoed as `X-Request-ID`) and `request.correlation_id` (UUID as text)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name_request(request)
        response = self._answer(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answers what a view raised outside DRF, without drawing a page first. None: it is a bug, a 500."""
        from config.problems import problem_of

        return problem_of(request, error) if request.path.startswith(API) else None

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API):
            return self.get_response(request)
        refusal = _refuse_size(request)
        if refusal is not None:
            return refusal
        response = self.get_response(request)
        is_json = JSON.match(response.get("Content-Type", ""))
        return response if response.status_code < 400 or is_json else _replaced(request, response)


def name_request(request: HttpRequest) -> None:
    """A caller may name its request, in safe characters; else we do. Whoever comes first names it."""
    if hasattr(request, "request_id"):
        return
    given = request.headers.get("X-Request-ID", "")
    text = given if REQUEST_ID.match(given) else str(uuid.uuid4())
    request.request_id = text  # type: ignore[attr-defined]
    request.correlation_id = str(_as_uuid(text))  # type: ignore[attr-defined]


@csrf_exempt  # there is nothing here that a foreign page could make a browser do
def api_not_found(request: HttpRequest, **_: object) -> HttpResponse:
    """The last route under /api/."""
    from config.problems import problem_response

    return problem_response(request, 404, detail=_hint(request.path))


def _as_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid5(NAMESPACE, text)


def _hint(path: str) -> str:
    """A stray or missing slash at the end is the usual reason; say so instead of guessing what was meant."""
    other = path.rstrip("/") if path.endswith("/") else f"{path}/"
    try:
        known = resolve(other).func is not api_not_found
    except Resolver404:
        known = False
    return f"Nothing is here. Did you mean {other}?" if known else "Nothing is here."


def _refuse_size(request: HttpRequest) -> HttpResponse | None:
    from config.problems import problem_response

    length = request.META.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch(r"[0-9]{1,18}", length):
        return problem_response(request, 400, detail="Content-Length is not a number.")
    if int(length) > LARGEST_BODY:
        return problem_response(request, 413, detail=f"The body is larger than {LARGEST_BODY // 1024} KB.")
    return None


def _replaced(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The problem document for Django's own error page: the status stays, the text goes."""
    from config.problems import problem_response

    detail = {500: OURS, 503: TRY_AGAIN}.get(response.status_code, "")
    keep = {name: response[name] for name in ("Allow", "Retry-After", "WWW-Authenticate") if name in response}
    replacement = problem_response(request, response.status_code, detail=detail, headers=keep)
    replacement.cookies = response.cookies
    return replacement
