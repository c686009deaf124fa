"""Bringing a catalogue, its units and past rentals into the tables, from JSON files.

The one way in which units are written: `./rentals import`, `./rentals seed` and the local stack all
use it. Everything is checked before anything is written; running it again writes what is missing.
"""
