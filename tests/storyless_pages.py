"""Pages without a story, in the manner of many publishing systems: `(name, url, html, type)`."""

from service.errors import ErrorType
from tests.ledger_site import OG_ARTICLE, SITE, STORY, bare, page, teasers

GONE = [
    (
        "page cannot be found",
        STORY,
        page(
            "<main><h1>Sorry, the page you requested could not be found</h1><p>It may have moved. "
            "Try a search.</p></main>",
            "Harlow Ledger",
        ),
    ),
    (
        "expired story",
        STORY,
        page(
            "<main><h1>This story is no longer available</h1><p>Stories of our partners "
            "expire after "
            "thirty days.</p></main>",
            "Harlow Ledger",
        ),
    ),
    (
        "gone, with other stories below",
        STORY,
        page(
            "<main><h1>404</h1><p>We can't find that page.</p><h2>Most read</h2>"
            + "".join(
                f"<div><h3><a href=/{n}>{title}</a></h3><p>{title} after a long night of "
                f"talks that "
                "ended in a vote, members said.</p></div>"
                for n, title in enumerate(
                    ["Council keeps the pool open", "Bridge repairs to start in May"] * 3
                )
            )
            + "</main>",
            "Page not found",
        ),
    ),
    (
        "removed",
        STORY,
        page("<main><p>The article you are looking for has been removed or deleted.</p></main>"),
    ),
]
SHELLS = [
    (
        "next",
        STORY,
        bare(
            '<div id=__next></div><script id=__NEXT_DATA__ type=application/json>{"props":{}}'
            "</script><script src=/_next/static/main.js></script>",
            "Harlow Ledger",
        ),
    ),
    (
        "angular",
        STORY,
        bare("<app-root></app-root><script src=main.js type=module></script>", "Harlow Ledger"),
    ),
    (
        "noscript notice",
        STORY,
        bare(
            "<div id=content></div><noscript>You need to enable JavaScript to run this app."
            "</noscript><script src=/static/js/bundle.js></script>",
            "Harlow Ledger",
        ),
    ),
    (
        "nuxt with a spinner",
        STORY,
        bare(
            "<div id=__nuxt><div class=spinner>Loading...</div></div><script>window.__NUXT__={}"
            "</script>",
            "Harlow Ledger",
        ),
    ),
]
MEDIA = [
    (
        "news video",
        f"{SITE}/video/2024/03/14/taser-video",
        page(
            "<main><h1>Video: Deputy uses Taser</h1><video src=a.mp4></video><p>Body camera video "
            "shows a deputy's use of a Taser on Tuesday.</p></main>",
            head='<script type="application/ld+json">{"@type":"VideoObject","name":"Deputy uses '
            'Taser","uploadDate":"2024-03-14"}</script>',
        ),
    ),
    (
        "gallery",
        f"{SITE}/photos/taser-protest",
        page(
            "<main><h1>Photos: Protest over Taser use</h1>"
            + "<figure><img src=a.jpg><figcaption>Staff photo</figcaption></figure>" * 9
            + "</main>",
            head='<script type="application/ld+json">{"@type":"ImageGallery","name":"Protest"}'
            "</script>",
        ),
    ),
    (
        "podcast",
        f"{SITE}/podcasts/episode-12",
        page(
            "<main><h1>Episode 12: The Taser report</h1><audio src=a.mp3></audio><p>We talk about "
            "the week's biggest story. Listen and subscribe.</p></main>",
            head='<script type="application/ld+json">{"@type":"PodcastEpisode","name":"12"}'
            "</script>",
        ),
    ),
]
LISTS = [
    (
        "crime section",
        f"{SITE}/news/crime",
        page(f"<main><h1>Crime</h1>{teasers(12)}</main>", "Crime"),
    ),
    (
        "topic page that calls itself an article",
        f"{SITE}/topic/police",
        page(f"<main><h1>Police</h1>{teasers(10)}</main>", "Police", OG_ARTICLE),
    ),
    (
        "search results",
        f"{SITE}/search?q=taser",
        page(f"<main><h1>Results for taser</h1>{teasers(10)}</main>", "Search"),
    ),
    (
        "second page of a category",
        f"{SITE}/category/news/page/2/",
        page(f"<main><h1>News</h1>{teasers(10)}</main>", "News - Page 2"),
    ),
    (
        "month of an archive",
        f"{SITE}/2024/03/",
        page(f"<main><h1>March 2024</h1>{teasers(15)}</main>", "March 2024"),
    ),
]
_KINDS = (
    (GONE, ErrorType.NOT_FOUND),
    (SHELLS, ErrorType.NEEDS_JAVASCRIPT),
    (MEDIA, ErrorType.TOO_SHORT),
    (LISTS, ErrorType.NOT_AN_ARTICLE),
)
STORYLESS = [(*shown, expected) for pages, expected in _KINDS for shown in pages]
