"""What the OpenAPI document says of every operation alike: the problems, the health routes, shared headers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from accounts.idempotency import HEADER

IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 8, "maxLength": 255, "pattern": "^[A-Za-z0-9._:-]+$"},
    OpenApiParameter.HEADER,
    description="A repeated request with the same key gets the first answer again and does nothing twice",
)
MEANINGS = {
    400: "The request cannot be read, or fields are wrong: every one is named",
    401: "No usable key and no session",
    403: "The role, or the scopes of the key, do not allow this",
    404: "It does not exist, or belongs to a client that you do not work for",
    406: "Only JSON is spoken here",
    409: "It is in another state, was decided by somebody else, or the Idempotency-Key was used otherwise",
    413: "The body is larger than 256 KB",
    415: "Send application/json",
    422: "Ids that are not part of this plan",
    429: "Too many requests; Retry-After says when to ask again",
}
EVERYWHERE = (400, 401, 403, 406, 429)
WITH_A_BODY = (413, 415)
OF_COMMANDS = (409, 422)
TEXT = {"type": "string"}


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: documents the problems of each operation, and the routes outside DRF."""
    components = result["components"]
    components["schemas"] |= {"FieldError": FIELD_ERROR, "Problem": PROBLEM, "Health": HEALTH}
    components["responses"] = {f"Problem{status}": _response(text) for status, text in MEANINGS.items()}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status in _statuses(path, method, operation):
                operation["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
            operation["responses"] = dict(sorted(operation["responses"].items()))
    result["paths"] |= health_paths()
    return result


def _statuses(path: str, method: str, operation: dict[str, Any]) -> tuple[int, ...]:
    found: tuple[int, ...] = EVERYWHERE
    if "{" in path:
        found += (404,)
    if method == "post":
        found += OF_COMMANDS + WITH_A_BODY
    return found


def _response(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}


def health_paths() -> dict[str, Any]:
    """The health routes are plain Django views, open to anyone; 503 until the process may be sent work."""
    return {
        "/health": _health("health", "Both answers in one document", busy=False),
        "/health/live": _health("health_live", "The process answers", busy=False),
        "/health/ready": _health("health_ready", "Database and worker answer", busy=True),
    }


def _health(name: str, text: str, *, busy: bool) -> dict[str, Any]:
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}
    responses = {"200": {"description": text, "content": body}}
    if busy:
        responses["503"] = {"description": "Not ready", "content": body}
    return {"get": {"operationId": name, "tags": ["health"], "security": [{}], "responses": responses}}


FIELD_ERROR = {
    "type": "object",
    "required": ["field", "pointer", "code", "message"],
    "properties": {
        "field": {**TEXT, "description": "Dotted path of the field in the body, or name of the parameter"},
        "pointer": {**TEXT, "description": "The same as a JSON pointer (RFC 6901)"},
        "code": TEXT,
        "message": TEXT,
    },
}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with a stable `code` and one entry in `errors` per wrong field",
    "required": ["type", "title", "status", "code", "detail", "instance", "errors", "request_id"],
    "properties": {
        "type": {**TEXT, "format": "uri"},
        "title": TEXT,
        "status": {"type": "integer"},
        "code": TEXT,
        "detail": TEXT,
        "instance": TEXT,
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "request_id": TEXT,
    },
}
HEALTH = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "enum": ["ok", "degraded"]},
        "live": {"type": "boolean"},
        "ready": {"type": "boolean"},
        "checks": {"type": "object", "additionalProperties": {"type": "object"}},
    },
}
