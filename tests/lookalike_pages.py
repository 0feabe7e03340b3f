"""Stories on pages that have something of a wall, a list or an error: `(name, html)`."""

from tests.ledger_site import LEDE, page, teasers

BRIEF = LEDE + (
    "<p>The report says the man was handed to medics and was released from a hospital the same "
    "night. The deputy, who has been with the office for six years, stays on duty while the county "
    "reviews the arrest.</p>"
)
WHOLE = BRIEF + (
    "<p>Commissioners asked for the review on Thursday after a video of the arrest was seen by "
    "thousands of people. The sheriff told them that the deputy had given two warnings before he "
    "fired the Taser, and that the man had reached into his coat.</p><p>The man’s brother "
    "said that "
    "he had reached for his telephone. He said that the family had asked the state police to look "
    "into it because they did not trust the county to judge its own officers.</p><p>The "
    "state police "
    "said that they had received the request and would answer it within a month. Two other people "
    "have complained about the same deputy since 2021, records show, and neither complaint was "
    "upheld. The next meeting of the commissioners is on April 2 in the courthouse.</p>"
)
_NEWS = (
    '<script type="application/ld+json">{"@type":"NewsArticle","headline":"%s","datePublished":'
    '"2024-03-14"}</script>'
)


def _story(title: str, body: str, beside: str = "") -> str:
    return page(f"<article><h1>{title}</h1>{body}</article>{beside}", title, _NEWS % title)


LEGAL = (
    "<p>The man was not named due to legal reasons. The county has received too many requests for "
    "the video to answer them this week, a clerk said, some from visitors and from abroad.</p>"
)
LOOKALIKES = [
    ("words of walls in a brief", page(f"<h1>Deputy used Taser</h1>{BRIEF}{LEGAL}")),
    ("a number at its head", _story("429 people arrested at protest, police say", BRIEF)),
    ("a word of bot walls at its head", _story("Blocked bridge reopens after standoff", BRIEF)),
    ("a word of gone pages at its head", _story("Nothing was found in search for gun", BRIEF)),
    (
        "a meter below",
        _story(
            "Deputy used Taser",
            WHOLE,
            "<div>You have 2 free articles left. Subscribe now to "
            "continue reading without limit.</div>",
        ),
    ),
    (
        "a cookie banner",
        _story(
            "Deputy used Taser",
            WHOLE,
            "<div id=onetrust>We and our partners use cookies. "
            "Accept all, reject all or manage preferences, consent and privacy.</div>",
        ),
    ),
    (
        "a login form at the top",
        _story("Deputy used Taser", WHOLE, "<form><h2>Sign in</h2><input type=password></form>"),
    ),
    (
        "a bot script",
        _story("Deputy used Taser", WHOLE, "<script src=https://js.datadome.co/tags.js></script>"),
    ),
    (
        "a script notice",
        _story("Deputy used Taser", BRIEF, "<noscript>Please enable JavaScript.</noscript>"),
    ),
    (
        "a video on top",
        _story("Deputy used Taser", "<video src=a.mp4></video>" + BRIEF, ""),
    ),
    ("many headlines beside it", _story("Deputy used Taser", WHOLE, teasers(14))),
]
