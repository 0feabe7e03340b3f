"""The errors a caller can meet: a closed set of types, each with its HTTP status."""

from enum import StrEnum


class ErrorType(StrEnum):
    """Every `error_type` the service answers. Clients may switch on these strings."""

    INVALID_REQUEST = "invalid_request"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TOO_LARGE = "body_too_large"
    TEXT_TOO_LARGE = "text_too_large"
    TOO_SHORT = "too_short"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    NOT_READY = "not_ready"
    INTERNAL = "internal"

    INVALID_URL = "invalid_url"
    UNSUPPORTED_SCHEME = "unsupported_scheme"
    CREDENTIALS_IN_URL = "credentials_in_url"
    BLOCKED_PORT = "blocked_port"
    BLOCKED_ADDRESS = "blocked_address"
    DNS_FAILURE = "dns_failure"
    CONNECT_FAILED = "connect_failed"
    TLS_ERROR = "tls_error"
    FETCH_TIMEOUT = "fetch_timeout"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    INSECURE_REDIRECT = "insecure_redirect"
    RESPONSE_TOO_LARGE = "response_too_large"
    UNSUPPORTED_CONTENT_TYPE = "unsupported_content_type"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    DECODE_ERROR = "decode_error"
    UPSTREAM_STATUS = "upstream_status"

    PAYWALLED = "paywalled"
    CONSENT_WALL = "consent_wall"
    BOT_BLOCKED = "bot_blocked"
    NEEDS_JAVASCRIPT = "needs_javascript"
    NOT_AN_ARTICLE = "not_an_article"
    NOT_FOUND = "not_found"
    EXTRACTION_FAILED = "extraction_failed"


STATUS: dict[ErrorType, int] = {
    ErrorType.INVALID_REQUEST: 422,
    ErrorType.METHOD_NOT_ALLOWED: 405,
    ErrorType.BODY_TOO_LARGE: 413,
    ErrorType.TEXT_TOO_LARGE: 413,
    ErrorType.TOO_SHORT: 422,
    ErrorType.UNAUTHORIZED: 401,
    ErrorType.RATE_LIMITED: 429,
    ErrorType.OVERLOADED: 503,
    ErrorType.DEADLINE_EXCEEDED: 504,
    ErrorType.NOT_READY: 503,
    ErrorType.INTERNAL: 500,
    ErrorType.INVALID_URL: 422,
    ErrorType.UNSUPPORTED_SCHEME: 422,
    ErrorType.CREDENTIALS_IN_URL: 422,
    ErrorType.BLOCKED_PORT: 422,
    ErrorType.BLOCKED_ADDRESS: 422,
    ErrorType.DNS_FAILURE: 502,
    ErrorType.CONNECT_FAILED: 502,
    ErrorType.TLS_ERROR: 502,
    ErrorType.FETCH_TIMEOUT: 504,
    ErrorType.TOO_MANY_REDIRECTS: 502,
    ErrorType.INSECURE_REDIRECT: 502,
    ErrorType.RESPONSE_TOO_LARGE: 502,
    ErrorType.UNSUPPORTED_CONTENT_TYPE: 415,
    ErrorType.UNSUPPORTED_ENCODING: 502,
    ErrorType.DECODE_ERROR: 502,
    ErrorType.UPSTREAM_STATUS: 502,
    ErrorType.PAYWALLED: 422,
    ErrorType.CONSENT_WALL: 422,
    ErrorType.BOT_BLOCKED: 502,
    ErrorType.NEEDS_JAVASCRIPT: 422,
    ErrorType.NOT_AN_ARTICLE: 422,
    ErrorType.NOT_FOUND: 404,
    ErrorType.EXTRACTION_FAILED: 422,
}


class ServiceError(Exception):
    """A story that gets no answer, and why.

    `message` is a sentence for a person. `detail` holds plain JSON values that
    help a program (an upstream status, a limit); never page content and never a
    resolved address, which would make the service a port scanner.
    """

    def __init__(
        self, error_type: ErrorType, message: str, detail: dict[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.detail = detail

    @property
    def status(self) -> int:
        """The HTTP status this error is answered with."""
        return STATUS[self.error_type]


class ArtefactError(Exception):
    """The model folder is missing, incomplete or damaged; the service must not start."""


class SettingsError(Exception):
    """An environment variable has a value the service cannot use."""
