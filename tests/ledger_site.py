"""The pages of an invented paper, put together for tests. All texts were written for them."""

SITE = "https://www.harlowledger.example"
STORY = f"{SITE}/2024/03/14/deputy-taser"
FLAG = (
    '<script type="application/ld+json">{"@type":"NewsArticle","headline":"Deputy used Taser on '
    'shopper","isAccessibleForFree":%s,"datePublished":"2024-03-14T09:00:00-04:00"}</script>'
)
LEDE = (
    "<p>A Harlow County deputy shocked a shopper with a Taser outside a grocery store on Tuesday, "
    "according to a report that the sheriff's office released.</p>"
)
NAV = (
    "<header><nav><ul><li><a href=/news>News</a><li><a href=/sports>Sports</a>"
    "<li><a href=/obituaries>Obituaries</a></ul></nav></header>"
)
FOOTER = (
    "<footer><p>Copyright 2024 Harlow Ledger. All rights reserved.</p><a href=/privacy>Privacy</a>"
    "<a href=/terms>Terms of use</a></footer>"
)
OG_ARTICLE = '<meta property="og:type" content="article">'


def page(body: str, title: str = "Deputy used Taser on shopper", head: str = "") -> str:
    """A whole page of the invented paper around `body`."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} | Harlow '
        f"Ledger</title>{head}</head><body>{NAV}{body}{FOOTER}</body></html>"
    )


def bare(body: str, title: str, head: str = "") -> str:
    """A page of a vendor, with nothing of the paper around it."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{head}'
        f"</head><body>{body}</body></html>"
    )


def teasers(count: int) -> str:
    """So many headlines with a sentence each, as sections have them."""
    subjects = ["Council", "School board", "Bridge crew", "County fair", "Library", "Fire chief"]
    return "".join(
        f"<article class=teaser><h3><a href=/2024/03/{n + 1:02}/story-{n}>"
        f"{subjects[n % 6]} makes its plans for summer number {n} known</a></h3><p>The plans were "
        f"shown at a meeting on Monday that {20 + n} people came to.</p></article>"
        for n in range(count)
    )
