from __future__ import annotations

import json
import uuid

import pytest
from django.core.cache import cache
from django.test import Client

from tests.config.sample_urls import SECRET

pytestmark = pytest.mark.urls("tests.config.sample_urls")

MEMBERS = {"type", "title", "status", "code", "detail", "instance", "errors", "request_id"}


@pytest.fixture
def signed_in(make_user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    return client


def document(answer) -> dict:
    assert answer["Content-Type"] == "application/problem+json"
    found = answer.json()
    assert set(found) >= MEMBERS
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer["X-Request-ID"]
    return found


def test_a_problem_says_what_it_was_raised_with(signed_in):
    found = document(signed_in.get("/api/fails/problem"))
    assert (found["status"], found["title"], found["code"]) == (409, "Conflict", "gone_stale")
    assert found["type"] == "urn:flightdeck:problem:gone_stale"
    assert found["detail"] == "It moved on."
    assert found["instance"] == "/api/fails/problem"
    assert found["won_by"] == "Ana"
    assert found["errors"] == [
        {"field": "lines.0/1.~a", "pointer": "/lines/0~11/~0a", "code": "stale", "message": "Old."}
    ]


def test_a_refused_decision_keeps_its_status_field_and_facts(signed_in):
    found = document(signed_in.get("/api/fails/refused"))
    assert (found["status"], found["code"], found["decided_by"]) == (409, "already_decided", "Ana")
    assert found["errors"][0]["field"] == "lines"


def test_every_wrong_field_is_named_with_its_place(signed_in):
    body = {"name": "too long", "lines": [{"price": "1.00"}, {"price": "x"}, {}]}
    found = document(signed_in.post("/api/checked", body, "application/json"))
    assert found["status"] == 400
    assert {(error["pointer"], error["code"]) for error in found["errors"]} == {
        ("/name", "max_length"),
        ("/lines/1/price", "invalid"),
        ("/lines/2/price", "required"),
    }


def test_an_error_of_the_whole_has_no_field(signed_in):
    found = document(signed_in.post("/api/checked", {"name": "whole", "lines": []}, "application/json"))
    assert found["errors"] == [
        {"field": "", "pointer": "", "code": "unfit", "message": "The whole does not fit."}
    ]
    assert found["detail"] == "The whole does not fit."


def test_a_model_validation_error_names_its_fields(signed_in):
    found = document(signed_in.get("/api/fails/model"))
    assert found["status"] == 400
    assert {error["field"] for error in found["errors"]} == {"currency", ""}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/fails/404", 404, "not_found"),
        ("/api/fails/403", 403, "permission_denied"),
        ("/api/fails/503", 503, "unavailable"),
        ("/api/fails/500", 500, "internal_error"),
        ("/api/fails/suspicious", 400, "invalid"),
        ("/api/plain/404", 404, "not_found"),
        ("/api/plain/403", 403, "permission_denied"),
        ("/api/plain/500", 500, "internal_error"),
        ("/api/plain/suspicious", 400, "invalid"),
        ("/api/nowhere/at/all", 404, "not_found"),
    ],
)
def test_inside_and_outside_drf_failures_are_problems_that_tell_nothing_internal(
    signed_in, path, status, code
):
    answer = signed_in.get(path)
    found = document(answer)
    assert (answer.status_code, found["code"]) == (status, code)
    text = answer.content.decode()
    assert SECRET not in text
    assert "Traceback" not in text
    assert "RuntimeError" not in text


@pytest.mark.parametrize("path", ["/api/nowhere", "/api/operations/lines/not-a-uuid/cancel-again"])
def test_a_route_that_is_not_there_is_404_for_every_method(db, path):
    strict = Client(enforce_csrf_checks=True)
    assert [strict.post(path).status_code, strict.delete(path).status_code] == [404, 404]


def test_a_500_is_in_the_log(signed_in, caplog):
    signed_in.get("/api/fails/500")
    assert "no such table" in caplog.text


def test_a_405_names_what_is_allowed(signed_in):
    answer = signed_in.put("/api/echo")
    assert document(answer)["status"] == 405
    assert "POST" in answer["Allow"]


def test_a_406_for_a_format_that_we_do_not_speak(signed_in):
    answer = signed_in.get("/api/fails/404", headers={"Accept": "application/xml"})
    assert document(answer)["status"] == 406


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_415_for_a_body_that_is_not_json(signed_in, kind):
    answer = signed_in.generic("POST", "/api/echo", b"a=b", kind)
    assert document(answer)["status"] == 415


def test_a_429_says_how_long_to_wait(signed_in):
    cache.clear()
    assert signed_in.get("/api/throttled").status_code == 200
    answer = signed_in.get("/api/throttled")
    assert document(answer)["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 3600


def test_pages_keep_their_own_errors(signed_in):
    answer = signed_in.get("/nowhere/at/all")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_slash_too_many_is_explained(signed_in):
    found = document(signed_in.get("/api/echo/"))
    assert found["status"] == 404
    assert found["detail"] == "Nothing is here. Did you mean /api/echo?"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"x": [{"a": 1, "\\u0061": 2}]}',
        b"{",
        b"[1,]",
        b"{'a': 1}",
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'{"a": "x\\u0000y"}',
        b'{"a\\u0000": 1}',
        b"\xff\xfe{}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 21 + b"]" * 21,
        b'{"a":' * 21 + b"1" + b"}" * 21,
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=range(17),
)
def test_a_body_that_could_be_misread_is_400(signed_in, body):
    assert document(signed_in.generic("POST", "/api/echo", body, "application/json"))["status"] == 400


@pytest.mark.parametrize(
    "body", [b"[" * 20 + b"]" * 20, b'{"a":' * 20 + b"1" + b"}" * 20, b'"' + b"[" * 99 + b'"']
)
def test_twenty_levels_are_fine(signed_in, body):
    assert signed_in.generic("POST", "/api/echo", body, "application/json").status_code == 200


def test_fractions_are_decimals_to_the_last_digit(signed_in):
    answer = signed_in.generic(
        "POST", "/api/echo", b'{"a": 0.10, "b": 12345678901234567890.123}', "application/json"
    )
    assert answer.json()["text"] == "{'a': Decimal('0.10'), 'b': Decimal('12345678901234567890.123')}"


def test_an_empty_body_is_an_empty_object(signed_in):
    assert signed_in.generic("POST", "/api/echo", b"", "application/json").json()["text"] == "{}"


def test_256_kb_pass_and_one_byte_more_does_not(signed_in):
    full = b'"' + b"x" * (262_144 - 2) + b'"'
    assert signed_in.generic("POST", "/api/echo", full, "application/json").status_code == 200
    answer = signed_in.generic("POST", "/api/echo", full + b" ", "application/json")
    assert document(answer)["status"] == 413


def test_a_body_that_hides_its_size_is_capped_too(signed_in):
    from config.parsing import LARGEST_BODY, StrictJSONParser, TooLarge

    class Endless:
        def read(self, size: int) -> bytes:
            assert size == LARGEST_BODY + 1
            return b" " * size

    with pytest.raises(TooLarge):
        StrictJSONParser().parse(Endless())


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "٣"])
def test_a_length_that_is_no_number_is_400(signed_in, length):
    answer = signed_in.post("/api/echo", b"{}", "application/json", CONTENT_LENGTH=length)
    assert document(answer)["status"] == 400


@pytest.mark.parametrize("given", ["order-2026/1", "short", "x" * 129, "a\nb:12345678", "<script>alert"])
def test_an_unsafe_request_id_is_replaced(db, given):
    answer = Client().get("/names", headers={"X-Request-ID": given})
    assert answer["X-Request-ID"] != given
    assert uuid.UUID(answer["X-Request-ID"])


def test_a_safe_request_id_is_kept_and_always_gives_the_same_correlation_id(db):
    first, second = (Client().get("/names", headers={"X-Request-ID": "order-2026.1"}) for _ in range(2))
    assert first["X-Request-ID"] == "order-2026.1"
    assert first.content == second.content
    assert uuid.UUID(first.content.decode().split()[1])


def test_a_uuid_is_both(db):
    given = str(uuid.uuid4())
    assert Client().get("/names", headers={"X-Request-ID": given}).content.decode() == f"{given} {given}"


def test_the_document_is_json_without_surprises(signed_in):
    raw = signed_in.get("/api/nowhere/%22%0a<b>").content
    assert json.loads(raw)["status"] == 404
