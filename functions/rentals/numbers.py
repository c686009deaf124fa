"""A rental's number for people: eight characters that nobody mixes up, `MC-7K4Q-9F2D`.

It follows from the id. Two rentals may have the same one (30 ** 8 are possible): whoever looks one
up by number gets both.
"""

import hashlib

# No 0, 1, I, L, O, U: read aloud, or in handwriting, they are taken for each other.
_CHARACTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8


def number_of(rental_id: str) -> str:
    """The number of a rental."""
    left, found = int.from_bytes(hashlib.sha256(rental_id.encode()).digest()), ""
    for _ in range(_LENGTH):
        left, digit = divmod(left, len(_CHARACTERS))
        found += _CHARACTERS[digit]
    return f"MC-{found[:4]}-{found[4:]}"


def read_number(words: str) -> str | None:
    """The number that somebody typed or scanned in some way, or None: `mc 7k4q9f2d` is one."""
    letters = "".join(each for each in words.upper() if each.isalnum())
    if len(letters) == _LENGTH + 2:
        letters = letters.removeprefix("MC")
    if len(letters) != _LENGTH or not set(letters) <= set(_CHARACTERS):
        return None
    return f"MC-{letters[:4]}-{letters[4:]}"
