"""Stories in from many sources, incidents out for review: the stream around the service.

`python -m collector run|once --config sources.toml` moves every story through four
steps. Each is one short transaction, and what has to be done next is always read from
the database, so a process killed at any point is simply started again.

1. list    A source (`source.Source`, one adapter per kind in `adapters/`) is asked
           what is new. `queue.store_listing` writes its items as `pending` and moves the
           source's cursor on, in one transaction: no item can be skipped. An item met
           again is the same row (unique: source and key). What a source knows to be
           broken becomes a dead letter at once.
2. read    The worker reads an item: its own text, or the page at its URL by the
           service's fetcher and reader, after `source.Manners` let it pass.
           `stories.admit` writes the story, or finds that it is there (same canonical URL
           or same text) or is a near-copy of one (`copy_of`); those two need no answer
           and end the item as `done`.
3. judge   `stories.record` writes the model's answer and ends the item as `done`. The
           answer of another model version is a further row; exactly one per story is
           `current`. Without KEEP_TEXT the text goes now.
4. group   `grouping.group` puts a story that reports force into the incident it belongs
           to (`likeness.py`), or opens one as `pending`, and writes the incident's summary
           (`incidents.py`) anew.

What fails for a passing reason is tried again (`queue.retry`: back-off and jitter); what
fails for good is a dead letter with its reason (`queue.bury`).

Who calls what: adapters know `source.py` alone. The loop (`collecting.py`) lists and hands
items to the worker (`worker.py`), which calls `queue`, `stories` and `grouping`. The feed
reads the tables of `schema.py` in `Store.read()`; reviews and withdrawals go through
`reviews.py`, which never touches a prediction's answer (a withdrawal empties its words).

Every write happens inside `Store.write()`, which lets one writer in at a time (an
immediate transaction on SQLite, an advisory lock on PostgreSQL). Incidents carry a
`revision` that grows with every change in the whole store: a reader who has seen
revision N asks for those above N and misses none.
"""
