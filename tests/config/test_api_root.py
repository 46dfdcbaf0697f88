from __future__ import annotations


def test_the_root_lists_what_there_is(client, make_user):
    client.force_login(make_user())
    found = client.get("/api/").json()
    assert found["api-bookings"] == "http://testserver/api/bookings"
    assert found["api-booking"] == "http://testserver/api/bookings/{job_id}"
    assert found["api-schema"].endswith("/api/schema/")
    assert all("/api/" in url for url in found.values())


def test_the_schema_describes_both_ways_to_send_a_key(client, make_user):
    client.force_login(make_user())
    document = client.get("/api/schema/?format=json").json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearerKey"]["scheme"] == "bearer"
    assert schemes["headerKey"]["name"] == "X-API-Key"
    ways = document["paths"]["/api/bookings"]["post"]["security"]
    assert {"bearerKey": []} in ways
    assert {"headerKey": []} in ways


def test_it_is_closed_to_strangers(client, db):
    assert client.get("/api/").status_code == 401
