"""Structured logs and business metrics. Never log bodies, tokens, secrets or personal data."""

import warnings

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# Most invocations have nothing to count, which Powertools would write to every log.
warnings.filterwarnings("ignore", message="No application metrics to publish")

logger = Logger(service="rentals", log_uncaught_exceptions=False)
metrics = Metrics(namespace="MongoCollectibles", service="rentals")


def count(metric: str, value: int = 1) -> None:
    """Add to a business metric (`UnitReserved`, `LatePayment`, ...); sent when the handler ends."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)
