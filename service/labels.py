"""The labels of the codebook. The ids are written into the model artefact."""

RELATIONS: tuple[str, ...] = ("report", "mention", "none")

FORCE_CODES: tuple[str, ...] = (
    "verbal",
    "soft_hands",
    "hard_hands",
    "impact",
    "chemical",
    "electric",
    "firearm",
    "vehicle",
    "dog",
    "other",
)

POSITIVE_LABEL = "brutality"
NEGATIVE_LABEL = "none"

# Human Rights First's ranks; `vehicle`, `dog` and `other` count as Rank 3 unless fatal.
_RANK = {
    "verbal": 1,
    "soft_hands": 2,
    "hard_hands": 3,
    "impact": 3,
    "vehicle": 3,
    "dog": 3,
    "other": 3,
    "chemical": 4,
    "electric": 4,
    "firearm": 5,
}

_TAGS = {
    "verbal": "verbal-threat",
    "soft_hands": "grab-push",
    "hard_hands": "strike-takedown",
    "impact": "baton-projectile",
    "chemical": "chemical-agent",
    "electric": "taser",
    "firearm": "shooting",
    "vehicle": "vehicle",
    "dog": "police-dog",
    "other": "other-force",
}


def force_rank(force: tuple[str, ...], fatal: bool) -> str:
    """The HRF rank, exactly "Rank N", of a reported event: the highest that applies.

    A report with no known kind of force is Rank 2, the lowest rank with force.
    """
    if fatal:
        return "Rank 5"
    return f"Rank {max((_RANK[code] for code in force), default=2)}"


def tags(force: tuple[str, ...], fatal: bool) -> tuple[str, ...]:
    """Map tags for the force codes, with `fatal` last where someone died."""
    return tuple(_TAGS[code] for code in force) + (("fatal",) if fatal else ())
