"""Which failures pass, and how long to wait for that."""

from random import Random

from service.errors import ErrorType, ServiceError

_PASSING = frozenset(
    {
        ErrorType.OVERLOADED,
        ErrorType.DEADLINE_EXCEEDED,
        ErrorType.NOT_READY,
        ErrorType.INTERNAL,
        ErrorType.DNS_FAILURE,
        ErrorType.CONNECT_FAILED,
        ErrorType.TLS_ERROR,
        ErrorType.FETCH_TIMEOUT,
        ErrorType.BOT_BLOCKED,
    }
)
_PASSING_STATUS = frozenset({408, 425, 429})
_FACTOR = 3.0
_LONGEST_S = 6 * 3600.0


def may_pass(error: ServiceError) -> bool:
    """Whether the same story may be answered later."""
    if error.error_type is ErrorType.UPSTREAM_STATUS:
        status = (error.detail or {}).get("upstream_status")
        return isinstance(status, int) and (status >= 500 or status in _PASSING_STATUS)
    return error.error_type in _PASSING


def delay_s(base_s: float, failures: int, chance: Random) -> float:
    """Seconds to wait after so many failures in a row, at least 1; thrice as long each time.

    Half to one and a half of that by chance: what failed together does not come back together.
    """
    return min(_LONGEST_S, base_s * _FACTOR ** (failures - 1)) * chance.uniform(0.5, 1.5)
