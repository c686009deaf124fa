"""The form's own checks give the API's verdict, value by value, before anything is sent."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, expect

from api.bodies import Checkout, parse
from api.responses import HttpError
from rentals.models import Customer, PaymentMethod
from tests.support.samples import checkout_body
from tests.system.browser.visitor import Visitor
from tools.local.stack import LocalStack

Json = dict[str, Any]

VALID = checkout_body(customer={"email": "ana@example.com"})
_LONG = ["x" * length for length in (99, 100, 101, 200, 201)]
_TEXTS = [
    "", " ", "A", "Ñora Peña", "李小龍", "\U0001d49cna", "a\tb", "a\nb", "a\u0000b", "a\u200bb",
    "a\u00a0b", "\u2003Ana\u2003", "a\u2028b", "a\ufeffb", "\ue000", "👩\u200d🚀",
    "\u200dAna\u200c", "\u0645\u06cc\u200c\u062e", "\u200b", "\u00ad", "\x1cAna",
    "\U0001d49c" * 100, "\U0001d49c" * 101, *_LONG,
]  # fmt: skip
_PHONES = [
    "", "0917 123 4567", "+63 (2) 8555-0188", "1234567", "123456", "12-34-56", "1" * 20, "1" * 21,
    "((((((((", "+" * 7, "0917.123.4567", "0917 123 4567x",
    "\uff10\uff19\uff11\uff17\uff11\uff12\uff13\uff14\uff15\uff16\uff17", " 1234567 ",
    "1234\t567", "\u202a+63 917 123 4567\u202c", "\u2068+63\u00a0917\u2009123\u00a04567\u2069",
    "0917123456", "0917 123 45678", "+63 917 123 456", "63 917 123 4567 8", "917 123 456", "0998",
]  # fmt: skip
_POSTAL_CODES = [
    "", "1200", " 1200 ", "120", "12000", "12a0", "-120", "1 20", "\uff11\uff12\uff10\uff10",
    "\u0661\u0662\u0663\u0664",
]  # fmt: skip
_EMAILS = [
    "", "ana", "ana@", "@example.com", "ana@example", "ana@example.com", "a@b.co",
    "ana@example.c", "ana..b@example.com", ".ana@example.com", "ana.@example.com",
    "ana@example..com", "ana@.example.com", "ana@example.com.", "ana@-example.com",
    "ana@example-.com", "a@b@example.com", "ana@exam_ple.com", "ana@example.123",
    "ana@example.1a", "ana@123.com", "ana@localhost", "ana@shop.local", "ana@shop.test",
    "ana@shop.invalid", "ana@a.onion", "ana@in-addr.arpa", "ana@example.com-", "ana@example.c-m",
    "a b@example.com", "ana@exa mple.com", "ana @example.com", " ana@example.com ",
    "ana+tag@example.com", "o'neil@example.com", "a/b=c?d^e`f{g|h}i~j@example.com",
    "a,b@example.com", "a;b@example.com", "(a)@example.com", "a\\b@example.com",
    "ana@example,com", "ana@[127.0.0.1]", "ANA@EXAMPLE.COM", "ñ@example.com", "ana@ñora.com",
    "用户@例子.广告", "x" * 64 + "@example.com", "x" * 65 + "@example.com",
    "ana@" + "x" * 63 + ".com",
    "ana@" + "x" * 64 + ".com", "ana@" + "x." * 120 + "com", "x" * 242 + "@example.com",
    "x" * 243 + "@example.com", "ana\u0000@example.com", "ana@example.com\u200b",
    "\u200eana@example.com\ufeff", "ana\u200d@example.com",
]  # fmt: skip
_DURATIONS = [
    "", "0", "1", "6", "7", "365", "366", "-1", "+3", "1.5", "3.0", "1e2", "0x10", " 7 ", "007",
    "\u0663", "three", "9999999999999999999",
]  # fmt: skip
SAMPLES: dict[str, list[str]] = {
    "store_id": ["", "store-a"],
    "payment_method": ["", *PaymentMethod],
    "duration": _DURATIONS,
    "customer.name": _TEXTS,
    "customer.address": _TEXTS,
    "customer.city": _TEXTS,
    "customer.phone": _PHONES,
    "customer.postal_code": _POSTAL_CODES,
    "customer.email": _EMAILS,
}


@pytest.fixture(scope="module")
def visitor(chromium: Browser, stack: LocalStack) -> Iterator[Visitor]:
    """One for all, as nothing here changes the page."""
    visitor = Visitor(chromium, stack.settings)
    visitor.page.goto("/rent.html")
    yield visitor
    visitor.leave()
    assert visitor.problems == []


def test_every_field_has_samples(visitor: Visitor) -> None:
    """So that no rule is added unseen."""
    fields = visitor.page.evaluate(in_the_page("return rules.FIELDS"))

    assert sorted(fields) == sorted(SAMPLES)
    of_the_customer = {each for each in fields if each.startswith("customer.")}
    assert of_the_customer == {f"customer.{each.name}" for each in dataclasses.fields(Customer)}


def test_form_offers_every_payment_method_by_its_name(visitor: Visitor) -> None:
    offered = visitor.page.locator("#methods label")
    expect(offered).to_have_count(len(PaymentMethod))

    ids = offered.locator("input").evaluate_all("all => all.map((it) => it.value)")
    assert sorted(ids) == sorted(PaymentMethod)
    names = offered.locator(".method-name").all_inner_texts()
    assert not {*names} & {*PaymentMethod}
    assert all(names)


@pytest.mark.parametrize("field", SAMPLES)
def test_form_accepts_what_the_api_accepts(visitor: Visitor, field: str) -> None:
    assert differences(visitor, field, SAMPLES[field]) == []


@pytest.mark.parametrize("field", ["customer.name", "customer.phone", "customer.email", "duration"])
def test_form_and_api_agree_about_anything(visitor: Visitor, field: str) -> None:
    pieces = st.sampled_from(
        ["a", "B", "7", "-", ".", "@", "_", "+", " ", "(", ")", ",", "ñ", "\t", "com"]
    )
    likely = st.lists(pieces, max_size=12).map("".join)
    address = st.tuples(likely, likely, st.sampled_from([".com", ".ph", ".x", ""]))
    values = st.one_of(
        likely, st.text(max_size=12), address.map(lambda it: f"{it[0]}@{it[1]}{it[2]}")
    )

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(values, min_size=40, max_size=40))
    @example(["ana@example.com"])
    def agree(batch: list[str]) -> None:
        assert differences(visitor, field, batch) == []

    agree()


def differences(visitor: Visitor, field: str, values: list[str]) -> list[str]:
    """The values that the form and the API see differently."""
    answers = visitor.page.evaluate(
        in_the_page(
            "return values.map((value) => [rules.problemWith(field, value), sent(field, value)])"
        ),
        {"field": field, "values": values},
    )
    return [
        f"{value!r}: the form says {problem!r}, the API {of_the_api!r}"
        for value, (problem, sent) in zip(values, answers, strict=True)
        if (problem is None) is not ((of_the_api := api_problem(field, sent)) is None)
    ]


def in_the_page(script: str) -> str:
    """A function with the site's validation module as `rules`."""
    return f"""async (argument) => {{
      const source = document.querySelector('script[type=module]').src;
      const rules = await import(new URL("../validation.js", source));
      const {{ field, values }} = argument ?? {{}};
      // As rent/fields.js sends it.
      const sent = (field, value) =>
        field === "duration" ? rules.parseDuration(rules.cleanText(value)) : rules.cleanText(value);
      {script};
    }}"""


def api_problem(field: str, value: Any) -> str | None:
    """What the API says about this value in an otherwise valid request."""
    group, _, name = field.rpartition(".")
    body = VALID | {"customer": dict(VALID["customer"])}
    (body[group] if group else body)[name] = value
    try:
        parse(Checkout, body)
    except HttpError as error:
        return ", ".join(each["field"] + " " + each["message"] for each in error.field_errors or ())
    return None
