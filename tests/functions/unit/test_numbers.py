"""A rental's number for people."""

import uuid

import pytest

from rentals.numbers import number_of, read_number

ID = "3f1f4c1e-9a57-5b0e-8f0a-000000000001"


def test_a_number_follows_from_the_id_and_says_nothing_that_is_misread() -> None:
    numbers = {number_of(str(uuid.uuid5(uuid.NAMESPACE_URL, str(n)))) for n in range(2_000)}

    assert len(numbers) == 2_000
    assert all(len(each) == 12 and each.startswith("MC-") for each in numbers)
    assert not set("".join(each.removeprefix("MC-") for each in numbers)) & set("01ILOU")


@pytest.mark.parametrize(
    "spelling",
    ["{}", " {} ", "{}\r\n", "lower", "without dashes", "spaces", "without the prefix"],
)
def test_a_number_is_read_however_it_is_typed(spelling: str) -> None:
    number = number_of(ID)
    typed = {
        "lower": number.lower(),
        "without dashes": number.replace("-", ""),
        "spaces": number.replace("-", " "),
        "without the prefix": number.removeprefix("MC-"),
    }.get(spelling, spelling.format(number))

    assert read_number(typed) == number


@pytest.mark.parametrize("words", ["", "MC-", "MC-7K4Q-9F2", "MC-7K4Q-9F2DD", "MC-7K4O-9F2D", ID])
def test_anything_else_is_no_number(words: str) -> None:
    assert read_number(words) is None
