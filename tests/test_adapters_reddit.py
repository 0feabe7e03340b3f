"""Reddit's listings, public and by OAuth."""

import time
from typing import Any

import pytest

from collector.source import BrokenItem, Item, SourceState
from tests.source_listing import failure, list_round
from tests.source_site import Asked, Reply, as_json

NEWS = {"subreddits": ["news"], "days": 2}
SECRET = "s3cret-of-the-app"


@pytest.fixture(autouse=True)
def no_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDDIT_CLIENT_ID", raising=False)
    monkeypatch.delenv("REDDIT_CLIENT_SECRET", raising=False)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDDIT_CLIENT_ID", "app")
    monkeypatch.setenv("REDDIT_CLIENT_SECRET", SECRET)


def post(number: int, age_s: float = 0.0, **fields: object) -> dict[str, Any]:
    """A link post, the newer the higher its number; `fields` replace or add some."""
    data: dict[str, Any] = {
        "name": f"t3_{number}", "id": str(number), "subreddit": "news", "title": f"Post {number}",
        "is_self": False, "selftext": "", "url": f"https://daily.example/{number}",
        "url_overridden_by_dest": f"https://daily.example/{number}", "domain": "daily.example",
        "permalink": f"/r/news/comments/{number}/post/", "created_utc": time.time() - age_s,
        "over_18": False, "stickied": False, "removed_by_category": None, "ups": 7,
    }  # fmt: skip
    return {"kind": "t3", "data": data | fields}


def listing(children: list[dict[str, Any]], after: str | None = None, **headers: str) -> Reply:
    data = {"after": after, "before": None, "dist": len(children), "children": children}
    return as_json({"kind": "Listing", "data": data | {"modhash": ""}}, 200, **headers)


class Subreddit:
    """Pages through its posts as Reddit does, the newest first."""

    def __init__(self, posts: int, spacing_s: float) -> None:
        self.posts = [post(n, (posts - n) * spacing_s) for n in range(posts, 0, -1)]

    def __call__(self, asked: Asked) -> Reply:
        names = [child["data"]["name"] for child in self.posts]
        start = names.index(asked.query["after"]) + 1 if "after" in asked.query else 0
        page = self.posts[start : start + int(asked.query["limit"])]
        last = page[-1]["data"]["name"] if start + len(page) < len(names) else None
        return listing(page, last)


def test_pages_down_to_where_it_was() -> None:
    subreddit = Subreddit(250, 60.0)
    first = list_round("reddit", NEWS, subreddit)
    assert first.keys == [f"t3_{n}" for n in range(250, 0, -1)]
    assert [asked.path for asked in first.asked] == ["/r/news/new.json"] * 3
    subreddit.posts[:0] = [post(n) for n in range(260, 250, -1)]
    again = list_round("reddit", NEWS, subreddit, first.state)
    assert len(again.asked) == 1  # one page reaches down to what is known
    assert again.keys[:10] == [f"t3_{n}" for n in range(260, 250, -1)]


def test_a_walk_cut_off_goes_on_at_its_page() -> None:
    subreddit = Subreddit(250, 60.0)
    first = list_round("reddit", NEWS, subreddit)
    middle = first.listings[0]
    assert middle.more
    rest = list_round("reddit", NEWS, subreddit, middle.state)
    assert [item.key for item in middle.items] + rest.keys == first.keys
    assert rest.state == first.state


def test_old_posts_end_the_first_walk() -> None:
    found = list_round("reddit", NEWS, Subreddit(300, 3600.0))
    assert len(found.asked) == 1


def test_several_subreddits_take_turns() -> None:
    found = list_round(
        "reddit", {"subreddits": ["news", "Bad_Cop_No_Donut"]}, lambda asked: listing([])
    )
    assert [asked.path for asked in found.asked] == [
        "/r/news/new.json",
        "/r/Bad_Cop_No_Donut/new.json",
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "https://daily.example/1"),
        ({"is_self": True, "selftext": "I saw it.\n\nAll of it."}, "I saw it.\n\nAll of it."),
        ({"is_self": True, "selftext": "half \ud800 a pair\x00"}, "half  a pair"),
        ({"is_self": True}, "empty"),
        ({"is_self": True, "selftext": "[removed]"}, "removed"),
        ({"removed_by_category": "moderator"}, "removed"),
        ({"url_overridden_by_dest": "https://i.redd.it/a.jpg"}, "no_story"),
        ({"url_overridden_by_dest": "https://www.reddit.com/gallery/1"}, "no_story"),
        ({"is_video": True}, "no_story"),
        ({"url_overridden_by_dest": "ftp://daily.example/1"}, "invalid_url"),
        ({"url_overridden_by_dest": None, "url": None}, "no_url"),
        (
            {"url_overridden_by_dest": "/r/all/comments/9/"},
            "https://www.reddit.com/r/all/comments/9/",
        ),
    ],
)
def test_kinds_of_posts(fields: dict[str, Any], expected: str) -> None:
    answer = listing([post(1, **fields)])
    (item,) = list_round("reddit", NEWS, lambda asked: answer).listings[0].items
    assert item.key == "t3_1"
    assert item.reference == "https://www.reddit.com/r/news/comments/1/post/"
    if isinstance(item, BrokenItem):
        assert item.error_type == expected
    else:
        assert isinstance(item, Item)
        assert (item.text or item.url) == expected
        assert item.url is not None and item.title == "Post 1"


def test_odd_posts_are_left_out_or_survive() -> None:
    children: list[dict[str, Any]] = [
        {"kind": "t3"},
        {"data": 3},
        post(1, created_utc="x"),
        post(2, created_utc=1e300),
    ]
    found = list_round("reddit", NEWS, lambda asked: listing(children))
    assert found.keys == ["t3_1", "t3_2"]
    twice = list_round("reddit", NEWS, lambda asked: listing([post(1), post(1)]))
    assert twice.keys == ["t3_1"]


def test_questions_used_up_make_it_wait_in_the_middle() -> None:
    used_up = {"x_ratelimit_remaining": "0.0", "x_ratelimit_reset": "41"}
    children = [post(n) for n in range(100)]
    found = list_round("reddit", NEWS, lambda asked: listing(children, "t3_99", **used_up))
    (only,) = found.listings
    assert (only.more, only.wait_s) == (False, 41.0)
    subreddit = Subreddit(150, 60.0)
    resumed = list_round("reddit", NEWS, subreddit, SourceState(only.state.cursor))
    assert resumed.asked[0].query["after"] == "t3_99"


@pytest.mark.usefixtures("app")
def test_an_app_asks_with_a_token() -> None:
    def answer(asked: Asked) -> Reply:
        if asked.method == "POST":
            assert asked.headers["authorization"].startswith("Basic ")
            assert asked.body == b"grant_type=client_credentials"
            return as_json({"access_token": "tok", "token_type": "bearer", "expires_in": 86400})
        assert asked.headers["authorization"] == "Bearer tok"
        return listing([post(1)])

    found = list_round("reddit", NEWS | {"contact": "watch_dev"}, answer)
    assert [asked.path for asked in found.asked] == [
        "/api/v1/access_token",
        "/oauth/r/news/new.json",
    ]
    assert found.asked[1].headers["user-agent"].endswith("(by /u/watch_dev)")
    assert found.keys == ["t3_1"]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    "reply",
    [
        as_json({"message": "Unauthorized", "error": 401}, 401),
        as_json({"error": "unsupported_grant_type"}),
        as_json({"access_token": "two\nlines"}),
        Reply(b"<html>"),
    ],
)
def test_an_app_that_is_refused(reply: Reply) -> None:
    error = failure("reddit", NEWS, lambda asked: reply)
    assert "Reddit access" in str(error)
    assert SECRET not in str(error)
