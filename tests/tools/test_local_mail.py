"""Mails on this machine: whatever is in one, a page shows it as text."""

from tools.local import mail

ANSWER = {
    "messages": {
        "000000000000": [
            {
                "MessageId": f"{number}@email.example",
                "Source": "rentals@example.com",
                "To": ["ana.cruz@example.com"],
                "Subject": f"Mail <b>{number}</b>",
                "BodyText": "Hello\nyou\n\nhttps://site.example/rental.html?rental_id=r#key=k\n"
                "<script>alert(1)</script> javascript:alert(1)",
                "Timestamp": 1_700_000_000.5 + number,
            }
            for number in (1, 3, 2)
        ]
    }
}
MAILS = mail.newest_first(ANSWER)


def test_the_newest_is_first_and_leads_to_its_page() -> None:
    page = mail.page(MAILS, None, stylesheet="/site.css") or ""

    places = [page.index(f'"/mail/{number}%40email.example"') for number in (3, 2, 1)]
    assert places == sorted(places)


def test_links_can_be_followed_and_nothing_else_is_more_than_text() -> None:
    page = mail.page(MAILS, "2@email.example", stylesheet="/site.css") or ""

    assert 'href="https://site.example/rental.html?rental_id=r#key=k"' in page
    assert "<script" not in page
    assert "<b>" not in page
    assert 'href="javascript' not in page


def test_an_unknown_mail_has_no_page() -> None:
    assert mail.page(MAILS, "9@email.example", stylesheet="/site.css") is None
