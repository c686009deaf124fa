"""Registering the endpoint that PayMongo sends its events to: the one way, on AWS and locally.

PayMongo shows an endpoint's secret when it is created and perhaps never again, so it is written to
Secrets Manager at once. Running it again changes what is wrong and nothing else.
"""

from dataclasses import dataclass

from rentals.errors import PaymentProviderRejected
from tools.ops.account import Account, Keys, WebhookEndpoint, account_of, keys_of
from tools.ops.errors import CommandError
from tools.ops.target import Target

# What the webhook function understands (functions/api/post_paymongo_webhook.py).
EVENTS = (
    "checkout_session.payment.paid",
    "payment.paid",
    "payment.failed",
    "payment.refunded",
    "payment.refund.updated",
    "dispute.created",
    "dispute.resolved",
)


@dataclass(frozen=True)
class WebhookState:
    """How the registration stands; `problems` are sentences, empty when all is well."""

    url: str
    endpoint: WebhookEndpoint | None
    problems: tuple[str, ...]


def of_stack(target: Target) -> tuple[Account, Keys, str]:
    """Whom the functions below ask about a deployed stack: its account, its keys, its address.

    Raises CommandError.
    """
    return account_of(target), keys_of(target), target.stack.webhook_url


def check(account: Account, keys: Keys, url: str) -> WebhookState:
    """Compare what PayMongo has registered with what the stack needs; changes nothing."""
    endpoint = _find(account, url)
    problems = []
    if not url.startswith("https://") and keys.read()["secretKey"].startswith("sk_live_"):
        problems.append("live mode needs an https address")
    if endpoint is None:
        problems.append("PayMongo has no endpoint with this address")
    else:
        if not endpoint.is_enabled:
            problems.append(f"the endpoint is {endpoint.status}: PayMongo delivers nothing")
        if missing := sorted(set(EVENTS) - set(endpoint.events)):
            problems.append(f"events that are not sent: {', '.join(missing)}")
        stored = keys.read().get("webhookSecret", "")
        if not stored:
            problems.append("the endpoint's secret (whsk_...) is not in Secrets Manager")
        elif endpoint.secret_key not in (None, stored):
            problems.append("the secret in Secrets Manager is not this endpoint's")
    return WebhookState(url, endpoint, tuple(problems))


def register(account: Account, keys: Keys, url: str, *, replace: bool = False) -> list[str]:
    """Make PayMongo deliver to `url`, signed with a secret that the functions know.

    Returns what was done, empty when nothing had to be. `replace` disables the endpoint that is
    there and makes a new one with a new secret. Raises CommandError, and what PayMongo raises.
    """
    done = []
    endpoint = _find(account, url)
    if endpoint is not None and replace:
        if endpoint.is_enabled:
            account.disable_webhook(endpoint.id)
        done.append(f"disabled {endpoint.id}")
        endpoint = None
    if endpoint is None:
        keys.read()  # raises before anything is created: its secret must be stored somewhere
        endpoint = account.create_webhook(url, EVENTS)
        if not endpoint.secret_key:
            raise CommandError(
                f"PayMongo created {endpoint.id} without showing its secret",
                "copy it from PayMongo's dashboard into webhookSecret of the secret",
            )
        keys.store_webhook_secret(endpoint.secret_key)
        return [*done, f"created {endpoint.id} and stored its secret in {keys.name}"]
    done += _repair_secret(account, keys, endpoint)
    if set(EVENTS) - set(endpoint.events):
        account.update_webhook(endpoint.id, sorted({*endpoint.events, *EVENTS}))
        done.append(f"added the missing events to {endpoint.id}")
    if not endpoint.is_enabled:
        account.enable_webhook(endpoint.id)
        done.append(f"enabled {endpoint.id}")
    return done


def enable(account: Account, url: str) -> list[str]:
    """Have PayMongo deliver again. Returns what was done. Raises CommandError."""
    endpoint = _find(account, url)
    if endpoint is None:
        raise CommandError(
            f"PayMongo has no endpoint {url}", "register it: ./rentals webhook register"
        )
    if endpoint.is_enabled:
        return []
    account.enable_webhook(endpoint.id)
    return [f"enabled {endpoint.id}"]


def _repair_secret(account: Account, keys: Keys, endpoint: WebhookEndpoint) -> list[str]:
    stored = keys.read().get("webhookSecret", "")
    try:
        shown = endpoint.secret_key or account.webhook(endpoint.id).secret_key
    except PaymentProviderRejected:
        shown = None
    if shown is None and not stored:
        raise CommandError(
            f"{endpoint.id} is registered, but its secret is not in {keys.name}, and PayMongo does"
            " not tell it again",
            "make a new one with ./rentals webhook register --replace, or copy it from PayMongo's"
            " dashboard into webhookSecret",
        )
    if shown is None or shown == stored:
        return []
    keys.store_webhook_secret(shown)
    return [f"stored the secret of {endpoint.id} in {keys.name}"]


def _find(account: Account, url: str) -> WebhookEndpoint | None:
    """The endpoint with this address; an enabled one before any that was replaced."""
    ours = [each for each in account.webhooks() if each.url == url]
    return next((each for each in ours if each.is_enabled), ours[-1] if ours else None)
