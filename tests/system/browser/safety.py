"""Markup from outside, and the headers that every page comes with."""

import httpx
from playwright.sync_api import expect

from tests.system.browser.visitor import Visitor
from tools.local.stack import Settings

MARKUP = '"><img src=x onerror=alert(1)><script>alert(1)</script>'


def expect_no_markup_from_outside(visitor: Visitor) -> None:
    """A payload that became markup would be here; the visitor notes what it would have done."""
    expect(visitor.page.locator("[onerror], script:not([src]), img[src=x]")).to_have_count(0)
    expect(visitor.page.locator("[href^='javascript:' i]")).to_have_count(0)


def expect_security_headers(headers: httpx.Headers, settings: Settings | None = None) -> None:
    """What CloudFront sends with everything but the API, and the console with its pages. Nothing
    goes elsewhere but the site's photographs to their bucket, which is the engine's here.
    """
    elsewhere = f" {settings.aws_url}" if settings else ""
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["font-src"] == "'self'"
    assert policy["connect-src"] == policy["img-src"] == f"'self'{elsewhere}"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "payment=()" in headers["Permissions-Policy"]
