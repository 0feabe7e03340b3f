"""Names of places that a newspaper, team or company bears: found, but no cue to an event."""

from service.places.candidates import Candidate
from service.places.tokens import Tokens

OUTLETS = frozenset(
    "times post globe tribune herald chronicle journal gazette examiner enquirer inquirer dispatch"
    " sentinel star sun sun-times daily observer telegraph register press reporter advertiser"
    " courier bee news magazine tv radio public"
    .split()
)  # fmt: skip
TEAMS = frozenset(
    "49ers angels astros athletics avalanche bears bengals bills blackhawks blazers blues braves"
    " brewers broncos browns bruins buccaneers bucks bulls canadiens cardinals cavaliers celtics"
    " chargers chiefs clippers colts commanders cowboys cubs devils diamondbacks dodgers dolphins"
    " ducks eagles falcons flames flyers giants grizzlies guardians hawks heat hornets hurricanes"
    " islanders jaguars jazz jets kings knicks knights kraken lakers lightning lions lynx magic"
    " mariners marlins mavericks mets nationals nets nuggets oilers orioles pacers packers padres"
    " panthers patriots pelicans penguins phillies pirates pistons predators raiders rams raptors"
    " ravens rays reds redskins rockets rockies royals sabres saints seahawks senators sharks"
    " spurs steelers storm suns texans thunder tigers timberwolves titans twins vikings warriors"
    " wild wizards yankees"
    .split()
)  # fmt: skip
COMPANIES = frozenset("airlines airways".split())
# Of two words: "Red Sox", "White Sox", "Blue Jays", "Trail Blazers", "Daily News".
PAIRS = {
    "red": {"sox", "wings", "bulls"}, "white": {"sox"}, "blue": {"jays", "jackets"},
    "trail": {"blazers"}, "maple": {"leafs"}, "golden": {"knights"}, "free": {"press"},
    "commercial": {"appeal"}, "morning": {"news"}, "evening": {"news"}, "business": {"journal"},
    "post": {"dispatch", "gazette", "intelligencer"}, "stock": {"exchange"},
}  # fmt: skip
# "Washington Post reporter", but not "Chicago Public Schools" nor "El Paso Star Lane".
NOT_BEFORE = frozenset("square office schools school library street avenue road lane park".split())


def bears_name(tokens: Tokens, candidate: Candidate) -> bool:
    """Whether an outlet's, team's or company's own word follows the place name."""
    at = candidate.last + 1
    if at >= len(tokens) or not tokens.capital[at] or tokens.gap(at - 1) != " ":
        return False
    word = tokens.lower[at]
    follower = tokens.lower[at + 1] if at + 1 < len(tokens) else ""
    if follower == "-" and at + 2 < len(tokens):
        follower = tokens.lower[at + 2]
    if follower in PAIRS.get(word, ()):
        return True
    listed = word in OUTLETS or word in TEAMS or word in COMPANIES
    return listed and follower not in NOT_BEFORE
