"""Own Words: recovery notes in the person's own words, released only by them."""

__version__ = "0.1.0"
