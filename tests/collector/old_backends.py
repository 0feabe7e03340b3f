"""What the back ends do with a row before they store it, as CONTRACT.md tells of them."""

import json
from datetime import date

FLAGS = (
    "verbalization", "empty_hand_soft", "empty_hand_hard", "less_lethal_methods",
    "lethal_force", "uncategorized",
)  # fmt: skip


def refusal(row: dict[str, object]) -> str | None:
    """What the last back end's validator says of a row it refuses; None for one it takes.

    A string that is not nullable may be missing, but not be null; lengths are UTF-16 units.
    """
    if not isinstance(row.get("description"), str) or not str(row["description"]).strip():
        return "description"
    limits = {"incident_date": 1000, "description": 10_000, "title": 50, "force_rank": 50}
    for name, limit in {**limits, "city": 50, "state": 50}.items():
        value = row.get(name)
        if value is None and name in ("city", "state"):
            continue
        if not isinstance(value, str) or len(value.strip().encode("utf-16-le")) // 2 > limit:
            return name
    if not row["force_rank"]:
        return "force_rank"
    for name in ("lat", "long", "confidence"):
        value = row.get(name)
        if value is not None and (not isinstance(value, (int, float)) or value > 50):
            return name
    if row["status"] not in ("pending", "approved", "rejected"):
        return "status"
    for name, limit in (("tags", 255), ("src", 8000)):
        value = row.get(name)
        if not isinstance(value, list) or len(json.dumps(value)) > limit:
            return name
    return None


def stored_by_d(body: str) -> list[tuple[object, ...]]:
    """The 27-D back end: the body is parsed twice; nothing of a row may be null."""
    incidents = json.loads(json.loads(body))
    rows: list[tuple[object, ...]] = []
    for i in incidents:
        row = (i["id"], i["state"], i["city"], date.fromisoformat(i["date"]), i["title"],
               i["description"], i["geocoding"]["lat"], i["geocoding"]["long"])  # fmt: skip
        assert None not in row
        assert len(i["title"]) <= 1000 and len(i["description"]) <= 10_000
        assert all(len(link) <= 1000 for link in i["links"])
        rows.append(row)
    assert len({row[0] for row in rows}) == len(rows)
    return rows


def stored_by_c(body: str) -> list[tuple[object, ...]]:
    """The 28-C back end: the body is the array; names are its own."""
    rows: list[tuple[object, ...]] = []
    for i in json.loads(body):
        row = (i["case_id"], json.dumps(i["links"]), json.dumps(i["tags"]), i["city"],
               i["state"], i["lat"], i["long"], i["title"], i["description"],
               date.fromisoformat(i["dates"]))  # fmt: skip
        flags = [i[name] for name in FLAGS]
        assert None not in row
        assert len(i["title"]) <= 255 and len(json.dumps(i["tags"])) <= 255
        assert set(flags) <= {0, 1} and sum(flags) >= 1
        rows.append((*row, *flags))
    return rows
