"""Reads a news story and answers whether it reports police force, how sure, and where."""

__version__ = "0.3.0"
