"""What AWS and PayMongo allow an account by default in ap-southeast-1 (Singapore), as documented on
2026-11-27. New accounts begin with less of Lambda and Step Functions (docs/deploying.md).
"""

from dataclasses import dataclass

_AWS = "https://docs.aws.amazon.com"
_LAMBDA_SCALING = f"{_AWS}/lambda/latest/dg/scaling-behavior.html"
_LAMBDA = f"{_AWS}/lambda/latest/dg/gettingstarted-limits.html"
_LAMBDA_CONCURRENCY = f"{_AWS}/lambda/latest/dg/lambda-concurrency.html"
_STEP_FUNCTIONS = f"{_AWS}/step-functions/latest/dg/service-quotas.html"
_API_GATEWAY = f"{_AWS}/apigateway/latest/developerguide/limits.html"
_DYNAMODB = f"{_AWS}/amazondynamodb/latest/developerguide"
_ON_DEMAND = f"{_DYNAMODB}/on-demand-capacity-mode.html"
_PARTITIONS = f"{_DYNAMODB}/bp-partition-key-design.html"
_TABLES = f"{_DYNAMODB}/ServiceQuotas.html"
_SECRETS = f"{_AWS}/secretsmanager/latest/userguide/reference_limits.html"
_SES = f"{_AWS}/ses/latest/dg/quotas.html"
_EVENTBRIDGE = f"{_AWS}/eventbridge/latest/userguide/eb-quota.html"
_LOGS = f"{_AWS}/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
_PAYMONGO = "https://developers.paymongo.com/docs/rate-limiting-errors"


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of something is allowed. `can_be_raised`: by asking for it."""

    value: int
    unit: str
    source: str
    can_be_raised: bool = True


QUOTAS = {
    "API Gateway, requests": Quota(10_000, "a second", _API_GATEWAY),
    "API Gateway, burst": Quota(5_000, "requests", _API_GATEWAY, can_be_raised=False),
    "Lambda, at once": Quota(1_000, "invocations of all functions", _LAMBDA),
    "Lambda, new environments of a function": Quota(
        1_000, "in 10 seconds, refilled all the time", _LAMBDA_SCALING, can_be_raised=False
    ),
    "Lambda, requests": Quota(
        10, "a second for each that may run at once", _LAMBDA_CONCURRENCY, can_be_raised=False
    ),
    "Step Functions, StartExecution": Quota(150, "a second", _STEP_FUNCTIONS),
    "Step Functions, StartExecution, burst": Quota(800, "calls", _STEP_FUNCTIONS),
    "Step Functions, transitions": Quota(800, "a second", _STEP_FUNCTIONS),
    "Step Functions, transitions, burst": Quota(800, "transitions", _STEP_FUNCTIONS),
    "Step Functions, SendTaskSuccess": Quota(300, "a second", _STEP_FUNCTIONS),
    "Step Functions, SendTaskSuccess, burst": Quota(1_500, "calls", _STEP_FUNCTIONS),
    "Step Functions, SendTaskFailure": Quota(300, "a second", _STEP_FUNCTIONS),
    "Step Functions, SendTaskFailure, burst": Quota(1_500, "calls", _STEP_FUNCTIONS),
    "Step Functions, DescribeExecution": Quota(10, "a second", _STEP_FUNCTIONS),
    "Step Functions, DescribeExecution, burst": Quota(250, "calls", _STEP_FUNCTIONS),
    "Step Functions, open executions": Quota(1_000_000, "executions", _STEP_FUNCTIONS),
    "DynamoDB, reads of a partition": Quota(
        3_000, "read units a second", _PARTITIONS, can_be_raised=False
    ),
    "DynamoDB, writes of a partition": Quota(
        1_000, "write units a second", _PARTITIONS, can_be_raised=False
    ),
    # A table or index that never had more; then twice its peak so far. More by warm throughput.
    "DynamoDB, reads of a new table": Quota(12_000, "read units a second", _ON_DEMAND),
    "DynamoDB, writes of a new table": Quota(4_000, "write units a second", _ON_DEMAND),
    "DynamoDB, reads of a table": Quota(40_000, "read units a second", _TABLES),
    "DynamoDB, writes of a table": Quota(40_000, "write units a second", _TABLES),
    "Secrets Manager, GetSecretValue": Quota(10_000, "a second", _SECRETS, can_be_raised=False),
    # Out of SES's sandbox it depends on the account: 14 a second is what most begin with.
    "SES, mails in its sandbox": Quota(1, "a second", _SES),
    "EventBridge, PutEvents": Quota(1_200, "a second", _EVENTBRIDGE),
    "EventBridge, deliveries to targets": Quota(2_250, "a second", _EVENTBRIDGE),
    "CloudWatch Logs, PutLogEvents": Quota(5_000, "a second", _LOGS),
    "PayMongo, requests": Quota(100, "a second", _PAYMONGO, can_be_raised=False),
}
