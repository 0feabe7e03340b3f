"""Pushing incidents to a back end over real HTTP: signed, resumed, retried, buried."""

import argparse
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from collector import outbox, reviews
from collector.outward import add_commands, run_command
from collector.push import ATTEMPTS, BackendError, Outcome, Pusher, PushSettings, signed
from collector.reviews import Review
from collector.schema import DeliveryRow, Status, Verdict
from collector.store import Store
from service.errors import SettingsError
from tests.collector.back_end_stub import BackEnd, back_end
from tests.collector.feed_given import approve, reject, tell
from tests.collector.given import NOON
from tests.collector.old_backends import refusal

# What a model answers that finds no force.
RANKLESS: dict[str, Any] = {"label": "none", "force_rank": None, "force": [], "tags": []}


@contextmanager
def pushing(store: Store, to: BackEnd, *statuses: Status) -> Iterator[Pusher]:
    settings = PushSettings(backend_url=to.url, backend_token="token", backend_secret="secret")
    pusher = Pusher(store, settings, statuses or (Status.APPROVED,))
    yield pusher
    pusher.close()


def told(store: Store, *numbers: int) -> list[str]:
    with store.write() as session:
        names = [tell(session, number) for number in numbers]
        approve(session, *names)
    return names


def make_due(store: Store, to: BackEnd) -> None:
    """As if the wait were over."""
    with store.write() as session:
        for row in session.scalars(select(DeliveryRow).where(DeliveryRow.due.is_not(None))):
            row.due = NOON


def test_each_change_is_pushed_once_in_order_and_signed(store: Store) -> None:
    names = told(store, 0, 1)
    with store.write() as session:
        tell(session, 2)  # pending: not for the public
    with back_end() as to, pushing(store, to) as pusher:
        assert pusher.once() == {Outcome.TAKEN: 2}
        assert [row["incident_id"] for row in to.taken] == names
        assert [refusal(row) for row in to.taken] == [None, None]
        assert [row["status"] for row in to.taken] == ["approved"] * 2
        assert pusher.once() == {}
    with store.write() as session:
        reject(session, names[0])
    with back_end() as other, pushing(store, other) as pusher:
        assert pusher.once() == {Outcome.TAKEN: 1}  # never had what was taken back
        assert [row["incident_id"] for row in other.taken] == names[1:]


def test_what_was_taken_back_is_told_without_words(store: Store) -> None:
    names = told(store, 0, 1)
    with back_end() as to, pushing(store, to) as pusher:
        pusher.once()
        with store.write() as session:
            reject(session, names[0])
            reviews.withdraw(session, names[1], NOON)
        assert pusher.once() == {Outcome.TAKEN: 2}
        refused, withdrawn = to.taken[2:]
        assert (refused["status"], withdrawn["status"]) == ("rejected", "rejected")
        assert (withdrawn["title"], withdrawn["description"], withdrawn["src"]) == (
            "Withdrawn.",
            "Withdrawn.",
            [],
        )
        assert refusal(withdrawn) is None
        assert len(set(to.keys)) == 4


def corrected(store: Store, name: str, relation: str) -> None:
    with store.write() as session:
        review = Review(name, "ada", Verdict.CORRECT, relation=relation)
        reviews.add_review(session, review, NOON)


def test_what_has_no_rank_waits_until_it_has_one(store: Store) -> None:
    with store.write() as session:
        name = tell(session, 0, **RANKLESS)
        approve(session, name)
    with back_end() as to, pushing(store, to) as pusher:
        assert pusher.once() == {}
        assert (to.asked, pusher.without_rank()) == (0, 1)
        corrected(store, name, "report")
        assert pusher.once() == {Outcome.TAKEN: 1}
        assert (refusal(to.taken[0]), pusher.without_rank()) == (None, 0)


def test_what_loses_its_rank_is_still_taken_back(store: Store) -> None:
    (name,) = told(store, 0)
    with back_end() as to, pushing(store, to) as pusher:
        pusher.once()
        corrected(store, name, "none")
        assert pusher.once() == {Outcome.TAKEN: 1}
        assert (to.taken[1]["status"], refusal(to.taken[1])) == ("rejected", None)


def test_a_back_end_that_is_away_is_asked_again_later_and_nothing_is_lost(store: Store) -> None:
    names = told(store, *range(6))
    with back_end() as to, pushing(store, to) as pusher:
        to.answers = [503] * 3
        assert pusher.once() == {Outcome.LATER: 3}
        assert to.asked == 3  # it is away: the others need not try
        assert pusher.once() == {Outcome.TAKEN: 3}  # those that have not been tried
        assert pusher.once() == {}
        with store.read() as session:
            assert outbox.next_due(session, PushSettings(backend_url=to.url).backend) is not None
        make_due(store, to)
        assert pusher.once() == {Outcome.TAKEN: 3}
        assert sorted(row["incident_id"] for row in to.taken) == sorted(names)
    with pushing(store, to) as pusher:  # nobody listens any more
        with store.write() as session:
            reject(session, names[0])
        assert pusher.once() == {Outcome.LATER: 1}


def test_a_refused_incident_is_a_dead_letter_until_it_changes_or_is_revived(store: Store) -> None:
    (name,) = told(store, 0)
    with back_end() as to, pushing(store, to) as pusher:
        to.answers = [400]
        assert pusher.once() == {Outcome.REFUSED: 1}
        assert pusher.once() == {}
        backend = PushSettings(backend_url=to.url).backend
        with store.write() as session:
            assert outbox.revive(session, backend, NOON) == 1
            assert outbox.revive(session, "http://elsewhere", NOON) == 0
        to.answers = [422]
        assert pusher.once() == {Outcome.REFUSED: 1}
        with store.write() as session:
            reject(session, name)
            approve(session, name)
        assert pusher.once() == {Outcome.TAKEN: 1}


def test_an_incident_that_breaks_the_back_end_is_buried_in_the_end(store: Store) -> None:
    told(store, 0)
    with back_end() as to, pushing(store, to) as pusher:
        to.answers = [500] * ATTEMPTS
        outcomes = []
        for _ in range(ATTEMPTS):
            outcomes += list(pusher.once())
            make_due(store, to)
        assert outcomes == [Outcome.LATER] * (ATTEMPTS - 1) + [Outcome.REFUSED]
        assert pusher.once() == {}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token_or_address_buries_nothing(store: Store, status: int) -> None:
    told(store, 0)
    with back_end() as to, pushing(store, to) as pusher:
        to.answers = [status]
        with pytest.raises(BackendError, match=str(status)):
            pusher.once()
        assert pusher.once() == {Outcome.TAKEN: 1}


def test_known_already_counts_as_taken_and_pending_ones_can_be_asked_for(store: Store) -> None:
    told(store, 0)
    with store.write() as session:
        pending = tell(session, 1)
    with back_end() as to, pushing(store, to, Status.APPROVED, Status.PENDING) as pusher:
        to.answers = [409]
        assert pusher.once() == {Outcome.TAKEN: 2}
        assert [row["incident_id"] for row in to.taken] == [pending]
        assert to.taken[0]["status"] == "pending"


def test_following_pushes_what_turns_up_until_stopped(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "collector")
    told(store, 0)
    with store.write() as session:
        approve(session, tell(session, 1, **RANKLESS))
    with back_end() as to, pushing(store, to) as pusher:
        following = threading.Thread(target=pusher.follow)
        following.start()
        assert to.took.acquire(timeout=60)
        pusher.stop()
        following.join(60)
        assert not following.is_alive()
    assert '{"event": "push", "without_force_rank": 1}' in caplog.messages


def test_the_command_tells_what_it_did(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(dest="command"))
    told(store, 0)
    with store.write() as session:
        approve(session, tell(session, 1, **RANKLESS))
    waiting = "1 without a force_rank, which back ends require: not pushed until it has one\n"
    with back_end() as to:
        given = {"BACKEND_URL": to.url, "BACKEND_TOKEN": "token", "BACKEND_SECRET": "secret"}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        to.answers = [401, 400]
        assert run_command(parser.parse_args(["push"]), store) == 1
        assert "address or token" in capsys.readouterr().err
        assert run_command(parser.parse_args(["push"]), store) == 1
        assert capsys.readouterr().out == f"0 taken, 0 later, 1 refused\n{waiting}"
        assert run_command(parser.parse_args(["push", "--revive"]), store) == 0
        said = capsys.readouterr().out
        assert said == f"1 incidents are due again\n1 taken, 0 later, 0 refused\n{waiting}"
    monkeypatch.delenv("BACKEND_URL")
    with pytest.raises(SettingsError, match="BACKEND_URL"):
        run_command(parser.parse_args(["push"]), store)


def test_a_signature_covers_time_and_body() -> None:
    settings = PushSettings(backend_url="https://b.example/x", backend_token="t")
    one = signed(b"{}", settings, 5)["X-Signature"]
    assert one == signed(b"{}", settings, 5)["X-Signature"]
    assert len({one, signed(b"{}", settings, 6)["X-Signature"]}) == 2
    assert len({one, signed(b"{ }", settings, 5)["X-Signature"]}) == 2
    open_one = PushSettings(backend_url="https://b.example/x")
    assert "X-Signature" not in signed(b"{}", open_one, 5)


@pytest.mark.parametrize(
    "url", ["", "b.example", "ftp://b.example", "https://a:b@b.example", "http://"]
)
def test_a_wrong_address_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="BACKEND_URL"):
        PushSettings.from_environment({"BACKEND_URL": url})
