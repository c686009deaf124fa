"""Structured logs and business metrics. Never log bodies, tokens, secrets or personal data."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="rentals", log_uncaught_exceptions=False)
metrics = Metrics(namespace="MongoCollectibles", service="rentals")


def count(metric: str, value: int = 1) -> None:
    """Add to a business metric (`UnitReserved`, `LatePayment`, ...); sent when the handler ends."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)
