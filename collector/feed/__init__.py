"""Incidents out: for maps, for the back ends there are, and for the people who review.

`python -m collector serve` runs the service and this feed in one process, under one port
(`server.py`): the service does not know of it. `rows.py` says what an incident looks like,
`query.py` which ones are asked for, `app.py` has the routes, `getdata.py` those of the two
oldest back ends, `stream.py` and `changes.py` the live stream, `reviewing.py` the reviews.
"""
