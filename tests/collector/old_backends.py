"""What the back ends do with a row before they store it, as CONTRACT.md tells of them."""

import json
from datetime import date

import psycopg

# Their tables, by the column names, types and limits that CONTRACT.md gives.
TABLES_D = """
CREATE TABLE incidents (
    id varchar(255) PRIMARY KEY, state varchar(255), city varchar(255), date date NOT NULL,
    title varchar(1000) NOT NULL, description varchar(10000), lat real NOT NULL, long real NOT NULL
);
CREATE TABLE sources (
    incident_id varchar(255) NOT NULL REFERENCES incidents, link varchar(1000) NOT NULL
);
"""
TABLES_C = """
CREATE TABLE incidents (
    incident_id varchar(255) PRIMARY KEY, src text, categories varchar(255),
    city varchar(255) NOT NULL, state varchar(255) NOT NULL, lat real NOT NULL,
    long real NOT NULL, title varchar(255) NOT NULL, "desc" varchar(10000), date date,
    verbalization boolean, empty_hand_soft boolean, empty_hand_hard boolean,
    less_lethal_methods boolean, lethal_force boolean, uncategorized boolean
);
"""
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
    """The 27-D back end: the body is parsed twice; state and city alone may be null."""
    incidents = json.loads(json.loads(body))
    rows: list[tuple[object, ...]] = []
    for i in incidents:
        row = (i["id"], i["state"], i["city"], date.fromisoformat(i["date"]), i["title"],
               i["description"], i["geocoding"]["lat"], i["geocoding"]["long"])  # fmt: skip
        assert None not in (row[0], *row[3:])
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


def fill_d(connection: psycopg.Connection, body: str) -> None:
    """`GET /data/populate`: all rows at once, then their links. Raises psycopg.Error.

    A row that is there already makes it fail as a whole: that back end is filled once.
    """
    incidents = json.loads(json.loads(body))
    keys = ("id", "state", "city", "date", "title", "description")
    rows = [
        (*(i[key] for key in keys), i["geocoding"]["lat"], i["geocoding"]["long"])
        for i in incidents
    ]
    links = [(i["id"], link) for i in incidents for link in i["links"]]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO incidents VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", rows)
        cursor.executemany("INSERT INTO sources VALUES (%s, %s)", links)


def fill_c(connection: psycopg.Connection, body: str) -> None:
    """`POST /incidents/fetchfromds`: all rows or none, lists as JSON. Raises psycopg.Error.

    That back end itself keeps silent about the error, and says that it was successful.
    """
    keys = ("city", "state", "lat", "long", "title", "description", "dates")
    with connection.transaction():
        for i in json.loads(body):
            lists = (json.dumps(i["links"]), json.dumps(i["tags"]))
            flags = (bool(i[name]) for name in FLAGS)
            row = [i["case_id"], *lists, *(i[key] for key in keys), *flags]
            statement = f"INSERT INTO incidents VALUES ({', '.join(['%s'] * len(row))})"
            connection.execute(statement.encode(), row)
