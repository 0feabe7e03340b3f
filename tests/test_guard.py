"""The URLs and addresses that are refused, by kind, and those that must pass."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ErrorType, ServiceError
from service.guard import check_url, is_public_address

REFUSED = {
    ErrorType.BLOCKED_ADDRESS: [
        "http://127.0.0.1/",
        "http://127.0.1.3/",
        "http://2130706433/",
        "http://134744072/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0x7f.0x0.0x0.0x1/",
        "http://0xa9fea9fe/",
        "http://017700000001/",
        "http://010.0.0.1/",
        "http://00000127.0.0.1/",
        "http://127.0.1/",
        "http://4294967296/",
        "http://256.256.256.256/",
        "http://1.2.3.4.5/",
        "http://8.8.8.08/",
        "http://0/",
        "http://0.0.0.0/",
        "http://127.0.0.1./",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://127．0．0．1/",
        "http://127｡0｡0｡1/",
        "http://１２７.０.０.１/",
        "http://１６９．２５４．１６９．２５４/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[0000::0001]/",
        "http://[::ffff:0a00:0001]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[::8.8.8.8]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001:10::1]/",
        "http://[2001:20::1]/",
        "http://[100::1]/",
        "http://[5f00::1]/",
        "http://[3fff::1]/",
        "http://[fec0::1]/",
        "http://[fe80::1%eth0]/",
        "http://[::1%251]/",
        "http://[2606:4700::1111%251]/",
        "http://[ff05::1:3]/",
        "http://127.0.0.1#.example.org/",
        "http://127.0.0.1?.example.org/",
        "http://10.0.0.1:80/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:0:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
        "http://[2001:db8::1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25lo]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[ff02::1]/",
        "http://224.0.0.1/",
        "http://239.255.255.250/",
        "http://255.255.255.255/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://100.100.100.200/",
        "http://169.254.169.254/",
        "http://168.63.129.16/",
        "http://192.0.0.192/",
        "http://198.18.0.1/",
        "http://localhost/",
        "http://localhost:8000/",
        "http://10.0.0.1:22/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://ip6-localhost/",
        "http://ｌｏｃａｌｈｏｓｔ/",
        "http://ⓛocalhost/",
        "http://local\u00adhost/",
        "http://metadata.google.internal./",
        "http://kubernetes.default.svc.cluster.local/",
        "http://instance-data/",
        "http://metadata.google.internal/",
        "http://printer.local/",
        "http://router.lan/",
        "http://nas.home.arpa/",
        "http://intranet/",
    ],
    ErrorType.INVALID_URL: [
        "",
        "   ",
        "example.org",
        "//127.0.0.1/",
        "https://",
        "http:///etc/passwd",
        "http:127.0.0.1/",
        "http:/example.org",
        "http://127%2e0%2e0%2e1/",
        "http://exam%70le.org/",
        "http://exa\tmple.org/",
        "http://example.org/\r\nX: y",
        "http://exa\x00mple.org/",
        "http://example.org/a b",
        "http://example.org\\@127.0.0.1/",
        "http://example.org\\.127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http:/\\127.0.0.1/",
        "http:///127.0.0.1/",
        "ht\ntp://127.0.0.1/",
        "http://127.0.0.1\n.example.org/",
        "http://example.org/\u2028",
        "http://example.org/\x7f",
        "http://local\u200bhost/",
        "http://example.org%40127.0.0.1/",
        "http://example.org＠127.0.0.1/",
        "http://example.org？.127.0.0.1/",
        "http://example.org：80/",
        "http://example.org:+80/",
        "http://example.org:８０/",
        "http://example.org:80:80/",
        "http://10.0.0.1../",
        "http://example.org/" + "a" * 2049,
        "http://" + "a" * 64 + ".org/",
        "http://" + "a." * 150 + "org/",
        "http://" + "a." * 5000 + "org/",
        "http://[::1/",
        "http://[::1]]/",
        "http://[::1]x/",
        "http://[v1.x]/",
        "http://[1.2.3.4]/",
        "http://xn--/",
        "http://xn--a/",
        "http://-a.org/",
        "http://a..org/",
        "http://.org/",
        "http://example.org../",
        "http://example.org:8a/",
        "http://example.org:-1/",
        "http://example.org:99999/",
    ],
    ErrorType.CREDENTIALS_IN_URL: [
        "http://user:pw@example.org/",
        "http://example.org@127.0.0.1/",
        "http://127.0.0.1:80@example.org/",
        "http://@example.org/",
        "http://a:b@[::1]/",
        "http://127.0.0.1%20@example.org/",
        "http://example.org:80@10.0.0.1:22/",
    ],
    ErrorType.UNSUPPORTED_SCHEME: [
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "data:text/html,hello",
        "javascript:alert(1)",
        "blob:http://example.org/1",
        "jar:http://example.org!/",
        "ws://example.org/",
        "view-source:http://example.org/",
        "dict://127.0.0.1:11211/",
        "ldap://127.0.0.1/",
        "feed:http://127.0.0.1/",
        "about:blank",
    ],
    ErrorType.BLOCKED_PORT: [
        "http://example.org:22/",
        "http://8.8.8.8:6379/",
        "https://example.org:8443/",
        "http://example.org:0/",
    ],
}


@pytest.mark.parametrize(
    ("url", "expected"), [(url, kind) for kind, urls in REFUSED.items() for url in urls]
)
def test_refuses(url: str, expected: ErrorType) -> None:
    started = time.process_time()
    with pytest.raises(ServiceError) as refusal:
        check_url(url)
    assert refusal.value.error_type == expected
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700::1111]", "http://[2606:4700:4700::1111]/"),
        ("https://www.example.org:443/a?b=c#d", "https://www.example.org/a?b=c"),
        ("HTTPS://WWW.Example.ORG./A", "https://www.example.org/A"),
        ("https://bücher.example.org/", "https://xn--bcher-kva.example.org/"),
        ("http://example.org#@127.0.0.1/", "http://example.org/"),
        ("http://example.org?@127.0.0.1/", "http://example.org/?@127.0.0.1/"),
        ("  https://example.org/ \n", "https://example.org/"),
        ("http://example.org/stra\u00dfe?q=\u00fc", "http://example.org/stra%C3%9Fe?q=%C3%BC"),
        ("http://example.org:443/", "http://example.org:443/"),
    ],
)
def test_passes_in_canonical_form(url: str, canonical: str) -> None:
    assert check_url(url).url == canonical
    assert check_url(canonical).url == canonical


def test_permit_allows_exactly_one_address_and_port() -> None:
    permit = frozenset({("127.0.0.1", 8123)})
    assert check_url("http://127.0.0.1:8123/", permit).port == 8123
    for url, kind in (
        ("http://127.0.0.1:22/", ErrorType.BLOCKED_PORT),
        ("http://127.0.0.1/", ErrorType.BLOCKED_ADDRESS),
        ("http://127.0.0.2:8123/", ErrorType.BLOCKED_ADDRESS),
        ("http://8.8.8.8:8123/", ErrorType.BLOCKED_ADDRESS),
    ):
        with pytest.raises(ServiceError) as refusal:
            check_url(url, permit)
        assert refusal.value.error_type == kind


@pytest.mark.parametrize(
    "text", ["", "garbage", "fe80::1%2", "2606:4700::1%eth0", "1.2.3", "8.8.8.8 ", "::ffff:8.8.8.8"]
)
def test_what_is_no_plain_public_address_is_not_public(text: str) -> None:
    assert not is_public_address(text)


@given(st.text() | st.text(alphabet="htps:/@[]%.#?0123456789abxn-\\ ").map("http://".__add__))
def test_any_text_is_passed_or_refused_and_what_passes_is_stable(text: str) -> None:
    try:
        checked = check_url(text)
    except ServiceError:
        return
    assert check_url(checked.url).url == checked.url
    assert checked.port in (80, 443)


@given(st.ip_addresses())
def test_literals_pass_only_if_public(address: object) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)
    try:
        check_url(f"http://{host}/")
    except ServiceError:
        assert not is_public_address(str(address))
    else:
        assert is_public_address(str(address))
