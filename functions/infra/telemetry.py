"""Structured logs and business metrics. Never log bodies, tokens, secrets or personal data."""

import warnings

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from infra.settings import setting_or

# Most invocations have nothing to count, which Powertools would write to every log.
warnings.filterwarnings("ignore", message="No application metrics to publish")

logger = Logger(service="rentals", log_uncaught_exceptions=False)
# A namespace for each stack: two in one account must not set off each other's alarms.
metrics = Metrics(
    namespace=setting_or("POWERTOOLS_METRICS_NAMESPACE", "MongoCollectibles"), service="rentals"
)


def count(metric: str, value: int = 1) -> None:
    """Add to a business metric (`UnitReserved`, `LatePayment`, ...); sent when the handler ends."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)


def measure(metric: str, value: float, unit: MetricUnit) -> None:
    """Add a measured value; its alarm looks at the greatest one."""
    metrics.add_metric(name=metric, unit=unit, value=value)
