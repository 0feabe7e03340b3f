"""Which URLs and addresses the service may fetch. Pure: no DNS, no socket.

The rules are allow-lists where one exists: http and https, ports 80 and 443,
IPv6 only inside 2000::/3, IPv4 only as four plain decimals.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

import idna

from service.errors import ErrorType, ServiceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 2048  # characters; longer ones are rejected before any parsing
MAX_HOST = 253
PORTS = {"http": 80, "https": 443}

# IANA special-purpose registries. Own tables, because `is_global` of the standard
# library has changed its mind between Python releases.
_BLOCKED_V4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent: a public number for an internal service
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
# Mapped, translated, NAT64 and unique-local forms all lie outside 2000::/3.
_BLOCKED_V6 = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries any IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)

# Names that only a local network answers.
_LOCAL_SUFFIXES = frozenset(
    {
        "localhost",
        "localdomain",
        "local",
        "internal",
        "intranet",
        "private",
        "lan",
        "home",
        "corp",
        "onion",
        "home.arpa",
    }
)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FORBIDDEN = re.compile(
    r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\\]"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PLAIN_V4 = re.compile(r"(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})", re.ASCII)
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class CheckedUrl:
    """A URL whose form is allowed. `url` is canonical and has no fragment.

    `host` is lower-case ASCII (punycode) without brackets; `address` is set
    when the host is a literal. `target` is path and query.
    """

    url: str
    scheme: str
    host: str
    port: int
    target: str
    address: Address | None = None


def check_url(url: str, permit: frozenset[tuple[str, int]] = frozenset()) -> CheckedUrl:
    """The URL in canonical form; raises ServiceError where it may not be fetched.

    `permit` holds exact (address, port) pairs that are allowed although they
    are not public, or not port 80 or 443. Only tests pass it.
    """
    url = url.strip(" \t\r\n")
    scheme, rest = _split_scheme(url)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise ServiceError(
            ErrorType.CREDENTIALS_IN_URL, "URLs with a user name or password are not fetched."
        )
    raw_host, port = _split_port(authority, scheme)
    target = _target(rest[len(authority) :])
    address: Address | None = None
    if raw_host.startswith("["):
        address = _ipv6_literal(raw_host)
        host = str(address)
    else:
        host = _host_name(raw_host)
        address = _ipv4_literal(host)
    _check_destination(host, address, port, permit)
    netloc = f"[{host}]" if isinstance(address, ipaddress.IPv6Address) else host
    if port != PORTS[scheme]:
        netloc += f":{port}"
    return CheckedUrl(f"{scheme}://{netloc}{target}", scheme, host, port, target, address)


def is_public_address(ip: str | Address) -> bool:
    """Whether an address is ordinary public unicast. False for anything that is no address."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in block for block in _BLOCKED_V4)
    if address.scope_id is not None:
        return False
    return address in _GLOBAL_V6 and not any(address in block for block in _BLOCKED_V6)


def is_allowed(ip: str, port: int, permit: frozenset[tuple[str, int]]) -> bool:
    """Whether a resolved address may be dialled on this port."""
    return (ip, port) in permit or (port in PORTS.values() and is_public_address(ip))


def _invalid(message: str) -> ServiceError:
    return ServiceError(ErrorType.INVALID_URL, message)


def blocked_address() -> ServiceError:
    """The one answer for every refused address, whether or not anything listens there."""
    return ServiceError(
        ErrorType.BLOCKED_ADDRESS, "The URL does not lead to a public address on the internet."
    )


def _split_scheme(url: str) -> tuple[str, str]:
    """Scheme in lower case, and what follows `//`."""
    if not url:
        raise _invalid("The URL is empty.")
    if len(url) > MAX_URL:
        raise _invalid(f"The URL is longer than {MAX_URL} characters.")
    if _FORBIDDEN.search(url):
        raise _invalid("The URL contains spaces, control characters or backslashes.")
    match = _SCHEME.match(url)
    if match is None:
        raise _invalid("The URL must begin with http:// or https://.")
    scheme = match[1].lower()
    if scheme not in PORTS:
        raise ServiceError(ErrorType.UNSUPPORTED_SCHEME, "Only http and https URLs are fetched.")
    rest = url[match.end() :]
    if not rest.startswith("//"):
        raise _invalid("The URL must begin with http:// or https://.")
    return scheme, rest[2:]


def _split_port(authority: str, scheme: str) -> tuple[str, int]:
    """Host as written (with brackets, if any) and port."""
    if authority.startswith("["):
        end = authority.find("]")
        host, tail = authority[: end + 1], authority[end + 1 :]
        if end < 0 or (tail and not tail.startswith(":")):
            raise _invalid("The URL's IPv6 address is malformed.")
        digits = tail[1:]
    else:
        host, _, digits = authority.partition(":")
    if not host:
        raise _invalid("The URL has no host.")
    if not digits:
        return host, PORTS[scheme]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 5 or int(digits) > 65535:
        raise _invalid("The URL's port is malformed.")
    return host, int(digits)


def _ipv6_literal(bracketed: str) -> ipaddress.IPv6Address:
    text, percent, _ = bracketed[1:-1].partition("%")
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise _invalid("The URL's IPv6 address is malformed.") from None
    if percent:
        raise blocked_address()  # a zone id only makes sense on a local link
    return address


def _ipv4_literal(host: str) -> ipaddress.IPv4Address | None:
    """The address if the host is one; refuses octal, hex, short and decimal spellings."""
    if not _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        return None
    if not _PLAIN_V4.fullmatch(host):
        raise blocked_address()
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        raise blocked_address() from None


def _host_name(raw: str) -> str:
    """Lower-case punycode without the trailing dot."""
    if len(raw) > MAX_HOST + 1:
        raise _invalid("The URL's host is too long.")
    host = raw.lower()
    if not raw.isascii() or "xn--" in host:
        try:
            host = idna.encode(raw, uts46=True, transitional=False).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError):
            raise _invalid("The URL's host is not a valid name.") from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid("The URL's host is not a valid name.")
    return host


def _check_destination(
    host: str, address: Address | None, port: int, permit: frozenset[tuple[str, int]]
) -> None:
    """Raises for addresses and names that are not public, then for other ports."""
    if (host, port) in permit:
        return
    if address is not None:
        # An address permitted on another port is refused for its port.
        if not is_public_address(address) and host not in {ip for ip, _ in permit}:
            raise blocked_address()
    elif _is_local_name(host):
        raise blocked_address()
    if port not in PORTS.values() and port not in {port for _, port in permit}:
        raise ServiceError(ErrorType.BLOCKED_PORT, "Only ports 80 and 443 are fetched.")
    if address is not None and not is_allowed(host, port, permit):
        raise blocked_address()


def _is_local_name(host: str) -> bool:
    labels = host.split(".")
    return len(labels) == 1 or bool({labels[-1], ".".join(labels[-2:])} & _LOCAL_SUFFIXES)


def _target(rest: str) -> str:
    """Path and query, percent-encoded where a request line needs it; the fragment is dropped."""
    target = rest.partition("#")[0]
    if not target.startswith("/"):
        target = "/" + target
    return quote(target, safe="/?%:@!$&'()*+,;=~-._[]|", errors="replace")
