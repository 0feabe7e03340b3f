"""The feed's routes over real stores: filters, pages, tokens, and the old back ends."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from collector import reviews, stories
from collector.feed.rows import MAX_TITLE
from collector.reviews import Review
from collector.schema import IncidentRow, StoryRow, Verdict
from collector.store import Store
from tests.collector.feed_given import approve, feed, reject, revision, tell
from tests.collector.given import BOISE, NOON, admit, no_force
from tests.collector.old_backends import refusal, stored_by_c, stored_by_d

TOKEN = "Zyxwvut"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["incident_id"] for row in answer.json()]


def test_only_approved_incidents_are_public_and_they_tell_all_their_sources(store: Store) -> None:
    with store.write() as session:
        first, second, _ = [tell(session, number) for number in range(3)]
        gone, refused = tell(session, 3), tell(session, 4)
        approve(session, first, second, gone)
        reject(session, refused)
        reviews.withdraw(session, gone, NOON)
    with feed(store) as client:
        answer = client.get("/incidents")
        assert ids(answer) == [first, second]
        row = answer.json()[0]
        assert row["src"] == ["https://site0.org/0"]
        assert (row["force_rank"], row["tags"], row["status"]) == (
            "Rank 3",
            ["strike-takedown"],
            "approved",
        )
        assert (row["incident_date"], row["whole"]) == ("2026-01-01", {})
        assert len(ids(client.get("/incidents?status=any"))) == 4
        assert ids(client.get("/incidents?status=rejected")) == [refused]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {0, 1, 2}),
        ("?state=alaska", {1}),
        ("?bbox=-90,40,-80,45", {0}),
        ("?bbox=140,-20,-140,70", {1, 2}),
        ("?rank=5", {1}),
        ("?rank=Rank 3,5", {0, 1, 2}),
        ("?since=2026-02-01", {1, 2}),
        ("?since=2026-02-01&until=2026-02-28", {1}),
        ("?min_confidence=0.95", {2}),
        ("?label=none", set()),
        ("?status=pending", {3}),
    ],
)
def test_filters(store: Store, query: str, expected: set[int]) -> None:
    with store.write() as session:
        names = [
            tell(session, 0),
            tell(session, 1, "Alaska", fatal=True, force_rank="Rank 5"),
            tell(session, 2, "Guam", confidence=0.97),
            tell(session, 3),
        ]
        approve(session, *names[:3])
    with feed(store) as client:
        for path in ("/incidents", "/incidents.geojson"):
            answer = client.get(path + query)
            assert answer.status_code == 200
            rows = answer.json()
            found = rows if path == "/incidents" else rows["features"]
            name = "incident_id" if path == "/incidents" else "id"
            assert {names.index(row[name]) for row in found} == expected


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?since=yesterday", "since"),
        ("?bbox=1,2,3", "bbox"),
        ("?bbox=0,50,1,40", "bbox"),
        ("?bbox=0,0,nan,1", "bbox"),
        ("?rank=6", "rank"),
        ("?label=maybe", "label"),
        ("?status=withdrawn", "status"),
        ("?min_confidence=93.00%25", "min_confidence"),
        ("?min_confidence=nan", "min_confidence"),
        ("?cursor=x", "cursor"),
        ("?limit=0", "limit"),
        ("?stat=Ohio", "stat"),
    ],
)
def test_a_wrong_filter_is_a_typed_error(store: Store, query: str, named: str) -> None:
    with feed(store) as client:
        for path in ("/incidents", "/incidents.geojson", "/incidents/stream"):
            answer = client.get(path + query)
            assert answer.status_code == 422
            body = answer.json()
            assert body["error_type"] == "invalid_request"
            assert named in body["detail"]["problems"][0]["where"]
            if path == "/incidents/stream" and named == "limit":
                assert "extra" in body["error"].lower()


def test_pages_miss_nothing_while_incidents_change(store: Store) -> None:
    with store.write() as session:
        names = [tell(session, number) for number in range(7)]
        approve(session, *names)
    with feed(store) as client:
        first = client.get("/incidents?limit=3&state=Ohio")
        assert ids(first) == names[:3]
        link = first.headers["link"]
        assert link.endswith('; rel="next"')
        with store.write() as session:  # one already seen and one not yet seen change
            reviews.withdraw(session, names[0], NOON)
            reject(session, names[4])
            approve(session, names[4])
        second = client.get(link[1 : link.index(">")])
        third = client.get(f"/incidents?limit=3&cursor={second.headers['x-next-cursor']}")
        assert ids(second) == [names[3], names[5], names[6]]
        assert ids(third) == [names[4]]
        assert "link" not in third.headers
        again = client.get(f"/incidents?cursor={third.headers['x-next-cursor']}")
        assert ids(again) == []
        assert again.headers["x-next-cursor"] == third.headers["x-next-cursor"]


def test_what_is_not_approved_needs_a_token_where_tokens_are_set(store: Store) -> None:
    with store.write() as session:
        tell(session, 1)
    with feed(store, api_tokens=(TOKEN,)) as client:
        for path in ("/incidents", "/incidents.geojson", "/getdata", "/getdata/"):
            assert client.get(path).status_code == 200
        closed = ("/incidents?status=pending", "/incidents/stream?status=any", "/reviews/next")
        for path in closed:
            for headers in ({}, {"Authorization": "guess"}):
                answer = client.get(path, headers=headers)
                assert answer.status_code == 401
                assert answer.json()["error_type"] == "unauthorized"
                assert answer.headers["www-authenticate"] == "Bearer"
        assert len(ids(client.get(closed[0], headers=HEADERS))) == 1
        assert len(client.get("/reviews/next", headers=HEADERS).json()) == 1


def test_every_answer_is_safe_for_a_browser_on_another_site(store: Store) -> None:
    with feed(store) as client:
        answer = client.get("/incidents", headers={"Origin": "https://map.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-next-cursor" in answer.headers["access-control-expose-headers"].lower()
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.headers["x-request-id"]) == 32
        asked = {"Origin": "https://map.example", "Access-Control-Request-Method": "POST"}
        assert client.options("/reviews", headers=asked).status_code == 400
        assert client.get("/incidents/openapi.json").status_code == 200
        assert client.get("/incidents/nowhere").json()["error_type"] == "not_found"


LONG = "Officers in Anchorage fired a Taser at a man outside the museum 👮 on Friday night"


def test_the_last_back_end_takes_every_row_and_the_rest_is_reported(store: Store) -> None:
    unplaced: dict[str, Any] = {
        "city": None,
        "county": None,
        "state": None,
        "lat": None,
        "long": None,
    }
    with store.write() as session:
        names = [
            tell(session, 0, "Alaska", title=LONG),
            tell(session, 1, "Guam"),
            tell(session, 2, title=None, incident_date=None, **unplaced),
            tell(session, 3, title=None, description=""),
            tell(session, 4, force=[], force_rank="Rank 2", tags=[]),
        ]
        urls = [f"https://site0.org/{'a' * 900}/{number}" for number in range(20)]
        first = session.get_one(StoryRow, names[0])
        for number, url in enumerate(urls):
            copy: dict[str, Any] = {
                "text_hash": "",
                "fingerprint": first.fingerprint,
                "names": [],
                "text": None,
            }
            session.add(
                StoryRow(
                    id=f"copy{number}", canonical_url=url, first_seen=NOON, copy_of=names[0],
                    incident_id=first.incident_id, partial_text=False, **copy,
                )
            )  # fmt: skip
        session.flush()
        approve(session, *names)
    with feed(store) as client:
        rows = {row["incident_id"]: row for row in client.get("/incidents").json()}
        features = client.get("/incidents.geojson").json()["features"]
    assert [refusal(rows[name]) for name in names] == [None] * 5
    alaska = rows[names[0]]
    assert (alaska["lat"], alaska["long"]) == (None, None)
    assert len(alaska["title"].encode("utf-16-le")) // 2 <= MAX_TITLE
    whole = alaska["whole"]
    assert (whole["title"], whole["lat"], whole["long"]) == (LONG, 61.2181, -149.9003)
    assert len(whole["src"]) == 21 > len(alaska["src"]) > 5
    assert rows[names[1]]["whole"] == {"lat": 13.52, "long": 144.84}
    unknown = rows[names[2]]
    assert unknown["whole"] == {"title": None, "incident_date": None}
    assert (unknown["lat"], unknown["incident_date"]) == (None, "2026-05-01")
    assert rows[names[4]]["whole"] == {}
    placed = {f["id"]: f["geometry"]["coordinates"] for f in features}
    assert placed[names[0]] == [-149.9003, 61.2181] and names[2] not in placed
    assert next(f for f in features if f["id"] == names[0])["properties"]["title"] == LONG


def test_the_two_oldest_back_ends_get_what_they_can_parse_and_store(store: Store) -> None:
    with store.write() as session:
        names = [
            tell(session, 0),
            tell(session, 1, "Alaska", force=["firearm"], fatal=True, tags=["shooting", "fatal"]),
            tell(session, 2, city=None),
            tell(session, 3, incident_date=None),
            tell(session, 4),
            tell(session, 5, lat=None, long=None),
        ]
        approve(session, *names[:4], names[5])
    with feed(store) as client:
        one, other = client.get("/getdata"), client.get("/getdata/")
        assert client.get("/getdata/?date_added=today").status_code == 422
    assert one.headers["content-type"] == other.headers["content-type"] == "application/json"
    assert isinstance(json.loads(one.text), str)
    assert [row[0] for row in stored_by_d(one.text)] == names[:3]
    assert stored_by_d(one.text)[2][1:3] == ("Ohio", None)
    rows = stored_by_c(other.text)
    assert [row[0] for row in rows] == names[:2]
    assert [row[10:] for row in rows] == [(0, 0, 1, 0, 0, 0), (0, 0, 0, 0, 1, 0)]


def test_a_row_is_added_on_the_day_of_its_first_approval_alone(store: Store) -> None:
    later, refusal, approval = NOON + timedelta(days=1), Verdict.REJECT, Verdict.APPROVE
    with store.write() as session:
        early, late, corrected = [tell(session, number) for number in range(3)]
        none = Review(corrected, "ada", Verdict.CORRECT, relation="none")
        report = Review(corrected, "ada", Verdict.CORRECT, relation="report")
        for review in (Review(early, "ada", approval), Review(late, "ada", refusal), none):
            reviews.add_review(session, review, NOON)
        for review in (Review(early, "bo", approval), Review(late, "ada", approval), report):
            reviews.add_review(session, review, later)
    with feed(store) as client:

        def added(day: str) -> set[str]:
            answer = client.get(f"/getdata/?date_added={day}")
            assert answer.status_code == 200
            return {row["case_id"] for row in answer.json()}

        assert added("2026-05-01") == {early}
        assert added("2026-05-02") == {late, corrected}
        assert added("2026-04-30") == added("2026-05-03") == added("9999-12-31") == set()


def test_a_review_is_carried_out_and_the_models_answer_stays(store: Store) -> None:
    with store.write() as session:
        name = tell(session, 1)
    place = {"city": "Oregon", "state": "Ohio", "lat": 41.64, "long": -83.49}
    given = {
        "story_id": name, "reviewer": "ada", "verdict": "correct", "force": ["electric"],
        "place": place, "note": "seen the video", "key": "k1",
    }  # fmt: skip
    with feed(store) as client:
        (task,) = client.get("/reviews/next").json()
        assert (task["story_id"], task["answer"]["city"]) == (name, "Toledo")
        assert task["text"].startswith("He was struck") and task["incident"]["whole"] == {}
        answer = client.post("/reviews", json=given)
        again = client.post("/reviews", json=given)
        assert answer.json()["review_id"] == again.json()["review_id"]
        incident = answer.json()["incident"]
        assert (incident["city"], incident["force_rank"]) == ("Oregon", "Rank 4")
        assert (incident["status"], incident["corrected"]) == ("approved", True)
        assert ids(client.get("/incidents")) == [name]
        assert client.get("/reviews/next").json() == []
        with store.read() as session:
            before = revision(session, name)
        client.post("/reviews", json={**given, "key": "k2", "verdict": "reject"})  # 422
        client.post("/reviews", json={"story_id": name, "reviewer": "bo", "verdict": "reject"})
        assert ids(client.get("/incidents")) == []
    with store.read() as session:
        assert revision(session, name) == before + 1
        incident_row = session.scalars(select(IncidentRow)).one()
        assert incident_row.status.value == "rejected"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"verdict": "maybe"}, 422),
        ({"verdict": "approve", "relation": "report"}, 422),
        ({"verdict": "correct"}, 422),
        ({"verdict": "correct", "force": ["laser"]}, 422),
        ({"verdict": "correct", "relation": "brutality"}, 422),
        ({"verdict": "correct", "place": {"lat": 1}}, 422),
        ({"verdict": "correct", "place": {"lat": 91, "long": 0}}, 422),
        ({"reviewer": " "}, 422),
        ({"reviewer": ""}, 422),
        ({"judge": "x"}, 422),
        ({"story_id": "nothing"}, 404),
    ],
)
def test_a_wrong_review_is_a_typed_error(
    store: Store, wrong: dict[str, object], status: int
) -> None:
    with store.write() as session:
        name = tell(session, 1)
    with feed(store) as client:
        given = {"story_id": name, "reviewer": "ada", "verdict": "approve", **wrong}
        answer = client.post("/reviews", json=given)
        assert answer.status_code == status
        assert answer.json()["error_type"] == {404: "not_found", 422: "invalid_request"}[status]
        assert ids(client.get("/incidents")) == []


def test_what_is_reviewed_next(store: Store) -> None:
    with store.write() as session:
        sure = tell(session, 1, scores={"report": 0.99, "mention": 0.01, "none": 0.0})
        close = tell(session, 2, scores={"report": 0.52, "mention": 0.4, "none": 0.08})
        last = tell(session, 3, scores={"report": 0.7, "mention": 0.2, "none": 0.1})
        none = admit(session, BOISE, "https://site9.org/9").story_id
        stories.record(session, none, no_force(needs_review=True), NOON)
        number = session.get_one(StoryRow, sure).incident_id
        incident = session.get_one(IncidentRow, number)
        incident.sites = 5
        approve(session, tell(session, 4))
    with feed(store) as client:

        def order(name: str) -> list[str]:
            return [t["story_id"] for t in client.get(f"/reviews/next?order={name}&limit=9").json()]

        assert order("uncertain") == [none, close, last, sure]
        assert order("recent") == [last, close, sure]
        assert order("corroborated")[0] == sure
        assert client.get("/reviews/next?order=best").status_code == 422
