"""`{"errors": [{errorCode, message}]}`, and the refusals of the strict reading."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator.seller import seller_of
from simulator.wire_json import JsonReply


@dataclass(frozen=True)
class Fault:
    """One entry of the error list. `violation` marks a breach of the text, not a mere business refusal."""

    code: str
    message: str
    violation: bool = False


class SpecError(Exception):
    def __init__(self, status: int, *faults: Fault) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.status = status
        self.faults = faults


def refused(code: str, message: str) -> SpecError:
    """400 for bad data or an action that is illegal in this state."""
    return SpecError(400, Fault(code, message))


def violation(code: str, message: str) -> SpecError:
    return SpecError(400, Fault(code, message, violation=True))


def not_found(what: str, id: str) -> SpecError:
    return SpecError(404, Fault("NotFound", f"No {what} {id!r}."))


def raise_all(faults: list[Fault]) -> None:
    """Raises one 400 with everything that is wrong, if anything is."""
    if faults:
        raise SpecError(400, *faults)


def _reply(status: int, faults: tuple[Fault, ...], headers: dict[str, str] | None = None) -> Response:
    body = {"errors": [{"errorCode": fault.code, "message": fault.message} for fault in faults]}
    return JsonReply(body, status_code=status, headers=headers)


async def on_spec_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpecError)
    for fault in error.faults:
        if fault.violation:
            data = {"method": request.method, "path": request.url.path, "message": fault.message}
            seller_of(request).journal.append("violation", fault.code, data)
    return _reply(error.status, error.faults)


async def on_http_error(request: Request, error: Exception) -> Response:
    """404 and 405 of the router."""
    assert isinstance(error, HTTPException)
    code = "NotFound" if error.status_code == 404 else "MethodNotAllowed"
    headers = dict(error.headers) if error.headers else None
    return _reply(error.status_code, (Fault(code, str(error.detail)),), headers)
