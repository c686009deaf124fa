"""docs/scaling.md, computed."""

from collections.abc import Iterable, Sequence

from tools.measuring.cost import model
from tools.measuring.quotas import QUOTAS
from tools.measuring.scaling import drawings, measured
from tools.measuring.scaling.limits import Limit, all_limits, reconciler_minutes

LOADS = (1, 10, 100, 1_000)
_MINUTES_A_DAY = 24 * 60
_MANY = 5_000
_INTRODUCTION = """# Scaling

What `make scaling` computes: everything that takes only so much on the way of a rental in
ap-southeast-1, and what 1, 10, 100 and 1,000 checkouts a second use of it. A checkout stands for
all that comes with it: browsing, paying, the way to the store and back, notices (the mix is that
of [cost.md](cost.md)). Calls and write units are those recorded in
`tools/measuring/cost/counts.json`; quotas stand in `tools/measuring/quotas.py`; keys, clock and
reconciler are measured with the real handlers under a virtual clock (`tests/search/year`,
`tests/search/due`). What cannot be measured is in `tools/measuring/cost/assumptions.json`. New
accounts begin with less of Lambda and Step Functions.

![Limits by load](limits.svg)
"""
_FIRST = """## What is full first

In that order; what customers see then; what to raise. For loads that last: where AWS has a
bucket, a burst of its size passes besides.
"""
_DUE = """## Many due at once

All rentals that are due on one day are due in its last second: of 100,000 that are out, 5,000
reminders at the same moment. The indexes are sparse and sorted by time, so what is not due is not
read, and is left out here. Each call takes what `assumptions.json` says, AWS's quotas throttle,
runs overlap as the schedule's do, and the moment is just after a run. The clock has to leave half
of AWS's ten DescribeExecution a second to others. Its goal is 15 minutes for the last one: a
reminder that comes a day before may be so late, and a hold lasts for as long. When it asked Step
Functions about each rental before it told it, 2,000 took 16 minutes, with 326 calls throttled.

The reconciler's are holds that are all due at once, as after an outage; spread over an hour, 5,000
are 83 a minute, of which the next run looks at the last one. Computed with as many runs as overlap;
`tests/search/due` lets the real handlers do it for fewer. Its goal for 5,000 after an outage is 20
minutes: only payments whose webhook was lost wait for it.
"""
_KEYS = """## Keys

`tests/search/year` counts every write of a month by hash key, and fails when a key of an index on
rentals or charges gets more than a sixteenth of its writes, and more than chance explains (a
month has few charges). Notices and customers have no index. What is shared on purpose:

- **A collectible's units** meet in one key of `available-units-index`, those that are held unpaid
  in another, and all of them in one key of `collectibleId-index`: a drop is served by one
  partition of each, which takes the checkouts a second that the table above says. Beyond it the
  execution tries again, so buyers wait, and nothing is given twice. With sixteen keys instead,
  each reservation would have to ask sixteen for the nearest unit.
- **A store's lists and a collectible's expected units** are found by their key in Lookups, one
  for a stage. It is a table's key, sorted by time, which DynamoDB can split.
- **An address's open rentals** are one row of Customers: fifteen at most.
"""


def files() -> dict[str, str]:
    """What is in docs, by name."""
    limits = all_limits()
    return {
        "scaling.md": page(limits),
        "limits.svg": drawings.limits_by_load(limits, LOADS),
        "cold-start.svg": drawings.cold_starts(),
    }


def page(limits: Sequence[Limit]) -> str:
    """The page, made of tables."""
    parts = [
        _INTRODUCTION,
        _FIRST,
        _table(("full at", "what", "then", "raise"), map(_first, limits)),
        "## Use by load\n",
        _table(
            ("what", "takes", "for one checkout", *(f"{load:,} a second" for load in LOADS)),
            map(_use, limits),
        ),
        _DUE,
        _table(("", "due at once", "the last one", "half of them", "throttled"), _due()),
        _cost(),
        _KEYS,
        _table(("table or index", "writes for one checkout", "share of the busiest key"), _keys()),
        "## Cold starts\n\nOf [performance.md](performance.md), on one core:\n\n"
        "![Cold start by function](cold-start.svg)\n",
        "## Sources\n",
        _table(("quota", "", "can be raised", "source"), _sources()),
    ]
    return "\n".join(parts)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(each)} |\n" for each in lines)


def _first(limit: Limit) -> Sequence[str]:
    return f"{drawings.figure(limit.full_at)} a second", limit.name, limit.then, limit.cure


def _use(limit: Limit) -> Sequence[str]:
    shares = [limit.each * load / limit.allowed for load in LOADS]
    cells = [f"**{each:,.0%}**" if each > 1 else f"{each:.0%}" for each in shares]
    return limit.name, drawings.figure(limit.allowed), f"{limit.each:,.2f}", *cells


def _due() -> Iterable[Sequence[str]]:
    found = measured.read()["clock"]
    last, half = (f"{found[each] / 60:.1f} min" for each in ("last_seconds", "median_seconds"))
    yield "the clock, simulated", f"{found['due']:,}", last, half, str(found["throttled"])
    last, half = (f"{reconciler_minutes(each)} min" for each in (_MANY, _MANY // 2))
    yield "the reconciler, computed", f"{_MANY:,}", last, half, ""


def _cost() -> str:
    """A day of the clock and the reconciler with 5,000 deadlines, by service."""
    found = measured.read()["clock"]
    idle = sum(
        model.total(model.cost(model.times(model.usage_of(each), _MINUTES_A_DAY)))
        for each in ("clock", "reconciler")
    )
    memory = model.memory_mb("FollowFulfillmentFunction") / 1024
    prices = model.prices()
    looking = found["busy_seconds"] * memory * prices["lambda_gb_second"]
    used = model.counts()["returned"]["functions"]["FollowFulfillmentFunction"]
    claiming = found["due"] * used["write_units"] / used["invocations"] * prices["write_unit"]
    met = model.counts()["returned"]["functions"]["MeetDeadlinesFunction"]
    meeting = model.usage_of_function("MeetDeadlinesFunction", met)
    meeting["state_transition"] += 2  # RemindCustomer, and AwaitReturn again
    told = model.usage_of("notice")
    telling = found["due"] * (model.total(model.cost(meeting)) + model.total(model.cost(told)))
    return (
        f"A day of both costs ${idle:.2f} when nothing is due. {found['due']:,} deadlines add"
        f" ${looking + claiming:.2f} for looking at them, and ${telling:.2f} for reminding as many"
        " customers, most of it mails and state transitions.\n"
    )


def _keys() -> Iterable[Sequence[str]]:
    for place, key in measured.read()["keys"].items():
        yield place, f"{key['writes']:.2f}", f"{key['most']:.1%}"


def _sources() -> Iterable[Sequence[str]]:
    for name, quota in QUOTAS.items():
        raised = "yes" if quota.can_be_raised else "no"
        yield name, f"{quota.value:,} {quota.unit}", raised, quota.source
