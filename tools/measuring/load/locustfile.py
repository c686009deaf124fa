"""Customers as Locust plays them: they browse, ask prices, check out, pay, are declined, cancel,
leave without a word, and repeat requests.

With `--payment-page` they also pay and are declined, on the sandbox's page; a real PayMongo page
has to be filled in by people, so without it rentals end by being cancelled or by their hold.
"""

import random
import uuid
from argparse import ArgumentParser
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
from locust import HttpUser, between, events, tag, task

Json = dict[str, Any]

# What a busy shop may say: sold out, too many unpaid rentals, too many requests.
_EXPECTED = {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser) -> None:
    """Beside Locust's own."""
    parser.add_argument("--payment-page", action="store_true", help="pay on the sandbox's page")


class Customer(HttpUser):
    """One customer after another in the same browser: each rental has a new e-mail address."""

    wait_time = between(0.2, 1.0)

    def on_start(self) -> None:
        """Look at what there is."""
        self.collectibles: list[Json] = self._data(self.client.get("/api/collectibles"))
        self.stores: list[Json] = self._data(self.client.get("/api/stores"))

    @tag("browse")
    @task(4)
    def browse(self) -> None:
        """The catalogue for a store."""
        self.client.get(
            f"/api/collectibles?store_id={self._store()}", name="/api/collectibles?store_id="
        )

    @tag("browse")
    @task(4)
    def ask_price(self) -> None:
        """A quote."""
        body = {
            "collectible_id": self._collectible(),
            "store_id": self._store(),
            "duration": random.randint(1, 30),  # noqa: S311 - a customer's whim
        }
        self.client.post("/api/rentals/quote", json=body)

    @task(4)
    def rent_and_pay(self) -> None:
        """Check out, pay, come back, see it paid."""
        if rental := self._checkout(self._body()):
            self._pay(rental, "paid")
            self._status(rental)

    @task(1)
    def is_declined_then_pays(self) -> None:
        """The first card is declined, the second is not."""
        if rental := self._checkout(self._body()):
            self._pay(rental, "failed")
            self._pay(rental, "paid")
            self._status(rental)

    @task(1)
    def cancels(self) -> None:
        """On our own page."""
        if rental := self._checkout(self._body()):
            self.client.post(
                f"/api/rentals/{rental['rental_id']}/cancel",
                headers={"X-Rental-Key": rental["access_key"]},
                name="/api/rentals/{rental_id}/cancel",
            )

    @task(1)
    def leaves(self) -> None:
        """Says nothing: the hold ends."""
        self._checkout(self._body())

    @task(2)
    def repeats(self) -> None:
        """The same request again with its key: the same rental."""
        body, key = self._body(), str(uuid.uuid4())
        first, again = self._checkout(body, key), self._checkout(body, key)
        if first and again and first["rental_id"] != again["rental_id"]:
            raise AssertionError("a repeated request made another rental")

    @task(1)
    def reuses_a_key(self) -> None:
        """Another request with the same key: refused."""
        body, key = self._body(), str(uuid.uuid4())
        if self._checkout(body, key):
            changed = {**body, "duration": body["duration"] + 1}
            with self._post(changed, key) as answer:
                if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
                    answer.success()
                else:
                    answer.failure(f"a reused key was answered {answer.status_code}")

    def _checkout(self, body: Json, key: str | None = None) -> Json | None:
        """The rental once it can be paid, or None when there is none to be had."""
        with self._post(body, key) as answer:
            if answer.status_code in _EXPECTED:
                answer.success()
                return None
            if not answer.ok:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return None
            rental: Json = answer.json()["data"]
        for _ in range(60):
            if rental["payment_url"] or rental["status"] != "pending":
                break
            self.wait()
            rental = self._status(rental)
        return rental if rental["payment_url"] else None

    def _post(self, body: Json, key: str | None) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(
            "/api/rentals/checkout", json=body, headers=headers, catch_response=True
        )

    def _pay(self, rental: Json, outcome: str) -> None:
        if not self.environment.parsed_options.payment_page:
            return
        # PayMongo's page is not what is measured.
        answer = httpx.post(rental["payment_url"], data={"outcome": outcome}, timeout=60)
        if back := answer.headers.get("Location"):
            path = urlsplit(back)
            self.client.get(
                f"{path.path}?{path.query}", name="back from PayMongo", allow_redirects=False
            )

    def _status(self, rental: Json) -> Json:
        answer = self.client.get(
            f"/api/rentals/{rental['rental_id']}",
            headers={"X-Rental-Key": rental["access_key"]},
            name="/api/rentals/{rental_id}",
        )
        return {**rental, **self._data(answer)}

    def _body(self) -> Json:
        return {
            "collectible_id": self._collectible(),
            "store_id": self._store(),
            "duration": random.randint(1, 30),  # noqa: S311
            "payment_method": random.choice(["card", "gcash", "maya", "qrph"]),  # noqa: S311
            "customer": {
                "name": "Load Test",
                "email": f"{uuid.uuid4().hex}@example.com",
                "phone": "+63 917 000 0000",
                "address": "1 Rizal Street",
                "city": "Makati",
                "postal_code": "1200",
            },
        }

    def _collectible(self) -> str:
        chosen: str = random.choice(self.collectibles)["id"]  # noqa: S311
        return chosen

    def _store(self) -> str:
        chosen: str = random.choice(self.stores)["id"]  # noqa: S311
        return chosen

    @staticmethod
    def _data(answer: Any) -> Any:
        answer.raise_for_status()
        return answer.json()["data"]
