"""Where a story happened: names found, resolved, and the event's place chosen."""

from service.places.locator import Locator, PlaceCandidate
from service.places.recogniser import PlaceTags

__all__ = ["Locator", "PlaceCandidate", "PlaceTags"]
