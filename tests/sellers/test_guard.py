"""The URL guard against the payloads of security.md 8.4. No packet leaves: names are resolved by the tests."""

from __future__ import annotations

import pytest

from sellers.guard import Target, UnsafeUrl, check_url, is_public, origin_of

PUBLIC = "93.184.216.34"


def public(_host: str, _port: int) -> list[str]:
    return [PUBLIC]


def check(url: str, *, allowed: tuple[str, ...] = (), addresses: list[str] | None = None) -> Target:
    return check_url(url, allowed=allowed, resolve=lambda *_: [PUBLIC] if addresses is None else addresses)


REFUSED = {
    "https://127.0.0.1/": "address_not_allowed",
    "https://127.1/": "invalid_url",
    "https://127.0.1/": "invalid_url",
    "https://2130706433/": "invalid_url",
    "https://017700000001/": "invalid_url",
    "https://0177.0.0.1/": "invalid_url",
    "https://0x7f.0.0.1/": "invalid_url",
    "https://0x7f000001/": "invalid_url",
    "https://127.0.0.0x1/": "invalid_url",
    "https://0/": "invalid_url",
    "https://0.0.0.0/": "address_not_allowed",
    "https://10.1.2.3/": "address_not_allowed",
    "https://172.16.0.1/": "address_not_allowed",
    "https://172.31.255.255/": "address_not_allowed",
    "https://192.168.1.1/": "address_not_allowed",
    "https://100.64.0.1/": "address_not_allowed",
    "https://169.254.169.254/latest/meta-data": "address_not_allowed",
    "https://192.0.2.1/": "address_not_allowed",
    "https://198.18.0.1/": "address_not_allowed",
    "https://224.0.0.1/": "address_not_allowed",
    "https://240.0.0.1/": "address_not_allowed",
    "https://255.255.255.255/": "address_not_allowed",
    "https://[::1]/": "address_not_allowed",
    "https://[::]/": "address_not_allowed",
    "https://[::ffff:127.0.0.1]/": "address_not_allowed",
    "https://[::ffff:7f00:1]/": "address_not_allowed",
    "https://[::ffff:93.184.216.34]/": "address_not_allowed",
    "https://[64:ff9b::7f00:1]/": "address_not_allowed",
    "https://[64:ff9b:1::a00:1]/": "address_not_allowed",
    "https://[2002:7f00:1::]/": "address_not_allowed",
    "https://[2001:0:4136:e378::1]/": "address_not_allowed",
    "https://[fc00::1]/": "address_not_allowed",
    "https://[fd12:3456::1]/": "address_not_allowed",
    "https://[fe80::1]/": "address_not_allowed",
    "https://[fe80::1%25eth0]/": "invalid_url",
    "https://[fec0::1]/": "address_not_allowed",
    "https://[ff02::1]/": "address_not_allowed",
    "https://[::127.0.0.1]/": "address_not_allowed",
    "https://[not-an-address]/": "invalid_url",
    "https://user@seller.example/": "credentials_in_url",
    "https://user:secret@seller.example/": "credentials_in_url",
    "https://seller.example@127.0.0.1/": "credentials_in_url",
    "https://seller.example:443@127.0.0.1:80/": "credentials_in_url",
    "https://@seller.example/": "credentials_in_url",
    "https://127.0.0.1\\@seller.example/": "invalid_url",
    "https://seller.example\\.internal/": "invalid_url",
    "http://seller.example/": "https_required",
    "HTTP://seller.example/": "https_required",
    "http://seller.example:443/": "https_required",
    "file:///etc/passwd": "scheme_not_allowed",
    "gopher://seller.example/_x": "scheme_not_allowed",
    "redis://seller.example:6379/": "scheme_not_allowed",
    "ftp://seller.example/": "scheme_not_allowed",
    "//seller.example/": "scheme_not_allowed",
    "seller.example": "scheme_not_allowed",
    "javascript:alert(1)": "scheme_not_allowed",
    "https://seller.example:22/": "port_not_allowed",
    "https://seller.example:80/": "port_not_allowed",
    "https://seller.example:5432/": "port_not_allowed",
    "https://seller.example:6379/": "port_not_allowed",
    "https://seller.example:0/": "port_not_allowed",
    "https://seller.example:99999/": "invalid_url",
    "https://seller.example:4x3/": "invalid_url",
    "https://seller.example/?next=http://127.0.0.1": "invalid_url",
    "https://seller.example/#@127.0.0.1": "invalid_url",
    "https://seller.example/\r\nHost: 127.0.0.1": "invalid_url",
    "https://seller.example\t.internal/": "invalid_url",
    "https://seller.example /": "invalid_url",
    "https://seller%2eexample/": "invalid_url",
    "https://-seller.example/": "invalid_url",
    "https://seller..example/": "invalid_url",
    "https:///path": "invalid_url",
    "https://" + "a" * 64 + ".example/": "invalid_url",
    "https://" + "a." * 130 + "example/": "invalid_url",
    "https://" + "a" * 500 + "/": "invalid_url",
    "": "invalid_url",
}


@pytest.mark.parametrize(("url", "code"), REFUSED.items(), ids=range(len(REFUSED)))
def test_it_refuses(url: str, code: str) -> None:
    with pytest.raises(UnsafeUrl) as refused:
        check(url)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://seller.example/v2", "seller.example", 443, "/v2"),
        ("https://seller.example/v2/", "seller.example", 443, "/v2"),
        ("HTTPS://Seller.Example:8443", "seller.example", 8443, ""),
        ("https://seller.example./", "seller.example", 443, ""),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, ""),
        ("https://93.184.216.34/", "93.184.216.34", 443, ""),
        ("https://[2606:2800:220:1::1]/", "2606:2800:220:1::1", 443, ""),
    ],
)
def test_it_accepts_public_https(url: str, host: str, port: int, path: str) -> None:
    target = check(url)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)


@pytest.mark.parametrize("answers", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], ["::1"], []])
def test_every_address_of_a_name_must_be_public(answers: list[str]) -> None:
    with pytest.raises(UnsafeUrl) as refused:
        check("https://seller.example/", addresses=answers)
    assert refused.value.code == "address_not_allowed"


def test_a_name_that_does_not_resolve_reads_like_a_private_one() -> None:
    def nothing(*_: object) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(UnsafeUrl) as unresolved:
        check_url("https://inside.example/", allowed=(), resolve=nothing)
    with pytest.raises(UnsafeUrl) as private:
        check("https://inside.example/", addresses=["10.0.0.1"])
    assert (unresolved.value.code, unresolved.value.message) == (private.value.code, private.value.message)


def test_the_target_keeps_the_addresses_that_were_checked() -> None:
    assert check("https://seller.example/", addresses=[PUBLIC, PUBLIC, "1.1.1.1"]).addresses == (
        PUBLIC,
        "1.1.1.1",
    )


@pytest.mark.parametrize(
    ("entry", "url", "accepted"),
    [
        ("127.0.0.1:8001", "http://127.0.0.1:8001/v2", True),
        ("127.0.0.1:8001", "http://127.0.0.1:8002/v2", False),
        ("127.0.0.1:*", "http://127.0.0.1:8002/v2", True),
        ("127.0.0.1:*", "http://localhost:8002/v2", False),
        ("127.0.0.1:*", "http://127.0.0.2:8002/v2", False),
        ("127.0.0.1", "http://127.0.0.1:80/", False),
        ("*:8001", "http://127.0.0.1:8001/", False),
        ("*", "http://127.0.0.1:8001/", False),
        ("[::1]:8001", "http://[::1]:8001/", True),
        ("Seller.Internal:8001", "http://seller.internal:8001/", True),
        ("127.0.0.1:8001", "http://user@127.0.0.1:8001/", False),
        ("127.0.0.1:8001", "ftp://127.0.0.1:8001/", False),
    ],
)
def test_only_a_literal_entry_opens_a_private_address(entry: str, url: str, accepted: bool) -> None:
    if accepted:
        assert check(url, allowed=(entry,)).addresses
        return
    with pytest.raises(UnsafeUrl):
        check(url, allowed=(entry,), addresses=["127.0.0.1"])


def test_the_default_is_deny(settings: object) -> None:
    settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = []  # type: ignore[attr-defined]
    with pytest.raises(UnsafeUrl):
        check_url("http://127.0.0.1:8001/")


def test_equal_origins_are_equal_texts() -> None:
    assert (
        origin_of("https://Seller.example")
        == origin_of("https://seller.example:443/v2/")
        == "https://seller.example:443"
    )
    assert origin_of("https://seller.example:8443") != origin_of("https://seller.example")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)
