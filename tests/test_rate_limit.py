"""Who asks too often is told to wait, and nobody passes for somebody else."""

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from service.app import create_app
from service.errors import ServiceError
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.rate_limit import MAX_CLIENTS, RateLimit, client_address
from service.settings import Settings


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait_of(limit: RateLimit, client: str) -> object:
    with pytest.raises(ServiceError) as refusal:
        limit.take(client)
    assert refusal.value.error_type == "rate_limited"
    assert refusal.value.detail is not None
    return refusal.value.detail["retry_after_s"]


def test_a_burst_and_then_a_steady_rate() -> None:
    clock = Clock()
    limit = RateLimit(per_minute=6, burst=3, clock=clock)
    for _ in range(3):
        limit.take("a")
    assert wait_of(limit, "a") == 10
    limit.take("b")
    clock.now += 9.5
    assert wait_of(limit, "a") == 1
    clock.now += 0.5
    limit.take("a")
    clock.now += 3600
    for _ in range(3):
        limit.take("a")
    assert wait_of(limit, "a") == 10


def test_a_batch_is_paid_for_later() -> None:
    limit = RateLimit(per_minute=60, burst=2, clock=Clock())
    limit.take("a")
    limit.owe("a", 31)
    assert wait_of(limit, "a") == 31


def test_no_limit_remembers_nobody_and_a_limit_not_everybody() -> None:
    free, limited = RateLimit(0, 1), RateLimit(60, 1)
    for number in range(MAX_CLIENTS + 100):
        free.take("same")
        limited.take(str(number))
    limited.take("0")  # forgotten: as new
    wait_of(limited, str(MAX_CLIENTS + 99))


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ([], 0, "10.0.0.1"),
        (["1.2.3.4"], 0, "10.0.0.1"),
        (["1.2.3.4"], 1, "1.2.3.4"),
        (["9.9.9.9, 1.2.3.4"], 1, "1.2.3.4"),
        (["9.9.9.9", "1.2.3.4"], 1, "1.2.3.4"),
        (["9.9.9.9, 1.2.3.4 , 10.0.0.7"], 2, "1.2.3.4"),
        ([], 1, "10.0.0.1"),
        (["1.2.3.4"], 2, "10.0.0.1"),
        (["1.2.3.4, nonsense"], 1, "10.0.0.1"),
        (["1.2.3.4, "], 1, "10.0.0.1"),
        (["::ffff:1.2.3.4"], 1, "1.2.3.4"),
        (["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::/64"),
    ],
)
def test_the_address_is_what_the_last_trusted_proxy_saw(
    forwarded: list[str], proxies: int, address: str
) -> None:
    headers = Headers(raw=[(b"x-forwarded-for", value.encode()) for value in forwarded])
    assert client_address(headers, "10.0.0.1", proxies) == address


def test_addresses_and_tokens_are_limited_apart(model: Model, locator: Locator) -> None:
    settings = Settings(
        api_tokens=("one", "two"),
        rate_limit_per_minute=1,
        token_rate_limit_per_minute=1,
        rate_limit_burst=3,
        trusted_proxies=1,
    )

    with TestClient(create_app(settings, Predictor(model, locator, settings))) as client:

        def status(token: str, address: str) -> int:
            headers = {"Authorization": token, "X-Forwarded-For": f"8.8.8.8, {address}"}
            answer = client.get("/places", params={"q": "Akron"}, headers=headers)
            if answer.status_code == 429:
                assert answer.json()["error_type"] == "rate_limited"
                assert int(answer.headers["retry-after"]) > 0
            return answer.status_code

        assert [status("guess", "1.1.1.1") for _ in range(4)] == [401, 401, 401, 429]
        assert status("one", "1.1.1.1") == 429
        assert [status("one", f"1.1.1.{n}") for n in range(2, 6)] == [200, 200, 200, 429]
        batch = {"stories": [{"text": " "}] * 9}
        headers = {"Authorization": "two", "X-Forwarded-For": "2.2.2.2"}
        assert client.post("/predict/batch", json=batch, headers=headers).status_code == 200
        assert status("two", "3.3.3.3") == 429
        assert {client.get("/health").status_code for _ in range(9)} == {200}
