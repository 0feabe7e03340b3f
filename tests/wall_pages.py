"""Walls in front of stories, in the manner of many vendors: `(name, url, html, error type)`."""

from service.errors import ErrorType
from tests.ledger_site import FLAG, LEDE, OG_ARTICLE, SITE, STORY, bare, page

PAYWALLS = [
    (
        "piano, flag as a string",
        STORY,
        page(
            f"<article><h1>Deputy used Taser on shopper</h1>{LEDE}<div "
            f"class='tp-modal'><h2>Become a"
            " member</h2><p>Get unlimited digital access for "
            "$1.</p><a>Subscribe</a></div></article>",
            head=FLAG % '"False"',
        ),
    ),
    (
        "metered, no flag",
        STORY,
        page(
            f"<article><h1>Deputy used Taser on shopper</h1>{LEDE}<div class='meter'><p>You have "
            "reached your limit of free articles. Subscribe now to keep reading.</p><p>Already a "
            "subscriber? Log in</p></div></article>",
            head=OG_ARTICLE,
        ),
    ),
    (
        "subscribers only, no flag",
        STORY,
        page(
            f"<main><h1>Deputy used Taser on shopper</h1>{LEDE}<div id='subscriber-only'><b>This "
            "article is for subscribers only.</b><p>Your support pays for local reporting.</p>"
            "<a>See offers</a></div></main>"
        ),
    ),
    (
        "parts that are not free",
        STORY,
        page(
            f"<article><h1>Deputy used Taser on shopper</h1><div class='paywall'>{LEDE}</div>"
            "<div data-zephr><h3>Keep reading with a free trial</h3></div></article>",
            head='<script type="application/ld+json">{"@type":"NewsArticle","headline":"Deputy '
            'used Taser","hasPart":{"@type":"WebPageElement","isAccessibleForFree":"False",'
            '"cssSelector":".paywall"}}</script>',
        ),
    ),
    (
        "content tier",
        STORY,
        page(
            f"<article><h1>Deputy used Taser on shopper</h1>{LEDE}<div class='gate'><p>Want "
            f"to read "
            "more? Choose a plan</p></div></article>",
            head='<meta property="article:content_tier" content="locked">' + OG_ARTICLE,
        ),
    ),
    (
        "registration wall",
        STORY,
        page(
            f"<article><h1>Deputy used Taser on shopper</h1>{LEDE}<form><h2>Create a free "
            f"account to "
            "continue reading</h2><input name=email><button>Continue</button></form></article>",
            head=OG_ARTICLE,
        ),
    ),
]
LOGINS = [
    (
        "sign in to continue",
        STORY,
        bare(
            "<main><h1>Sign in</h1><form><label>Email</label><input><label>Password</label><input "
            "type=password><button>Sign in</button></form><p>Forgot your password? New to the "
            "Ledger? Register now.</p></main>",
            "Sign in | Harlow Ledger",
        ),
    ),
    (
        "log in first",
        f"{SITE}/login?next=/2024/03/14/deputy-taser",
        page(
            "<div class=login><h1>Log in to your account</h1><p>You need to log in to view this "
            "page.</p><form><input name=user><input type=password name=pass></form></div>",
            "Log in",
        ),
    ),
    (
        "members of a network",
        "https://network.example/groups/harlow/posts/1234567",
        bare(
            "<div id=login_form><h2>You must log in to continue.</h2><p>Log in to Network</p><form>"
            "<input type=password></form><a>Forgotten account?</a></div>",
            "Log in to Network",
        ),
    ),
]
BOT_WALLS = [
    (
        "cloudflare block",
        STORY,
        bare(
            "<h1>Sorry, you have been blocked</h1><h2>You are unable to access harlowledger.example"
            "</h2><p>This website is using a security service to protect itself from online "
            "attacks."
            " The action you just performed triggered the security "
            "solution.</p><p>Cloudflare Ray ID:"
            " 86a1</p>",
            "Attention Required! | Cloudflare",
        ),
    ),
    (
        "press and hold",
        STORY,
        bare(
            "<div id=px-captcha></div><p>Before we continue...</p><p>Press &amp; Hold to "
            "confirm you "
            "are a human (and not a bot).</p><p>Reference ID 1c9</p>",
            "harlowledger.example",
        ),
    ),
    (
        "datadome",
        STORY,
        bare(
            "<p id=cmsg>Please enable JS and disable any ad blocker</p><script>var dd={'rt':'c',"
            "'host':'geo.captcha-delivery.com'}</script>",
            "harlowledger.example",
        ),
    ),
    (
        "akamai reference",
        STORY,
        bare(
            "<h1>Access Denied</h1><p>You don't have permission to access "
            '"http://www.harlowledger.'
            'example/2024/03/14/deputy-taser" on this server.</p><p>Reference #18.2d3</p>',
            "Access Denied",
        ),
    ),
    (
        "aws waf",
        STORY,
        bare(
            "<script src='https://1.edge.sdk.awswaf.com/challenge.js'></script><noscript><h1>"
            "JavaScript is disabled</h1><p>In order to continue, we need to verify that "
            "you're not a "
            "robot.</p></noscript>",
            "",
        ),
    ),
    (
        "one more step",
        STORY,
        bare(
            "<h1>One more step</h1><p>Please complete the security check to access this "
            "site.</p><div "
            "class=h-captcha></div><p>Why do I have to complete a CAPTCHA?</p>",
            "One more step",
        ),
    ),
    (
        "quiet challenge",
        STORY,
        bare(
            "<script>window.KPSDK={};</script><script src='/149e9513-01fa/ips.js?x=1'></script>", ""
        ),
    ),
]
RATE_LIMITS = [
    (
        "status in the title",
        STORY,
        bare("<center><h1>429 Too Many Requests</h1></center><hr>nginx", "429 Too Many Requests"),
    ),
    (
        "error 1015",
        STORY,
        bare(
            "<h1>Error 1015</h1><h2>You are being rate limited</h2><p>The owner of this "
            "website has "
            "banned you temporarily from accessing this website.</p>",
            "Access to www.harlowledger.example is limited",
        ),
    ),
    (
        "slow down",
        STORY,
        page(
            "<main><h1>Whoa, slow down</h1><p>We have received too many requests from your "
            "network. "
            "Please wait a few minutes and try again.</p></main>",
            "Too many requests",
        ),
    ),
]
CONSENT_WALLS = [
    (
        "pay or accept",
        STORY,
        bare(
            "<div class=wall><h1>Read with advertising or pay</h1><p>We and our 842 partners store "
            "cookies and process personal data such as identifiers for advertising and "
            "tracking. You "
            "consent by choosing Accept all. You can withdraw consent in the privacy "
            "settings at any "
            "time.</p><button>Accept all</button><button>Subscribe without tracking</button></div>",
            "Harlow Ledger",
        ),
    ),
    (
        "before you continue",
        "https://consent.network.example/m?continue=https://news.network.example/articles/abc",
        bare(
            "<h1>Before you continue</h1><p>We use cookies and data to deliver and maintain our "
            "services.</p><button>Reject all</button><button>Accept all</button><a>More "
            "options</a>",
            "Before you continue",
        ),
    ),
    (
        "part of the family",
        "https://guce.portal.example/copyTransfer?sessionId=3",
        bare(
            "<h1>Portal is part of a family of brands</h1><p>If you click Accept all, we and our "
            "partners will also store and access information on a device (use cookies) and use "
            "precise location data.</p><button>Accept all</button><button>Reject all</button>",
            "Portal",
        ),
    ),
    (
        "european visitors",
        f"{SITE}/gdpr?return=/2024/03/14/deputy-taser",
        page(
            "<main><h1>Your privacy choices</h1><p>We value your privacy. With your agreement, we "
            "and our partners use cookies to store, access and process personal data like "
            "your visit "
            "to this website. Vendors may process your data on the basis of legitimate interest. "
            "Manage preferences or reject all.</p></main>",
            "Your privacy choices",
        ),
    ),
]
GEO_BLOCKS = [
    (
        "not in your region",
        STORY,
        bare(
            "<h1>Our European visitors are important to us.</h1><p>This site is currently "
            "unavailable"
            " to visitors from the European Economic Area while we work to ensure your data is "
            "protected in accordance with applicable EU laws.</p>",
            "Harlow Ledger",
        ),
    ),
    (
        "451 sent as 200",
        STORY,
        bare(
            "<h1>451: Unavailable due to legal reasons</h1><p>We recognize you are attempting to "
            "access this website from a country belonging to the European Economic Area (EEA) "
            "including the EU which enforces the General Data Protection Regulation (GDPR) and "
            "therefore access cannot be granted at this time. For any issues, contact the "
            "newsroom.",
            "451: Unavailable due to legal reasons",
        ),
    ),
    (
        "not in your country",
        STORY,
        page(
            "<main><h1>We're sorry</h1><p>This content is not available in your country or region."
            "</p></main>",
            "Not available",
        ),
    ),
]
_KINDS = (
    (PAYWALLS, ErrorType.PAYWALLED),
    (LOGINS, ErrorType.PAYWALLED),
    (BOT_WALLS, ErrorType.BOT_BLOCKED),
    (RATE_LIMITS, ErrorType.BOT_BLOCKED),
    (CONSENT_WALLS, ErrorType.CONSENT_WALL),
    (GEO_BLOCKS, ErrorType.BOT_BLOCKED),
)
WALLS = [(*wall, expected) for walls, expected in _KINDS for wall in walls]
