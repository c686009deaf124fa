"""`make cost`: dollars of 1,000 rentals, until they are paid and until their units are back, and of
a month at three sizes beside the guide's.
"""

from rich.console import Console
from rich.table import Table

from tools.measuring.cost import model

_PARTS = {
    "paid": "until they are paid",
    "returned": "from then until their units are back on the shelf",
    "notice": "whose customers and other systems are told of all this",
}

console = Console(width=110, highlight=False)


def main() -> None:
    """Print both tables."""
    assumed = model.assumptions()
    for part, title in _PARTS.items():
        console.print(_thousand(model.life()[part], f"1,000 rentals {title}"))
        console.print(_by_function(part))
    console.print(_thousand(model.usage_of("refused"), "1,000 buyers who find nothing"))
    for requests in assumed["usage"]["transfer_gb"]:
        console.print(_month(int(requests), assumed["guide"][requests]))
    console.print(
        "In tools/measuring/cost: counts.json (make counts), prices.json (ap-southeast-1), "
        "assumptions.json, explained in docs/cost.md."
    )


def _thousand(of_one: model.Usage, title: str) -> Table:
    usage = model.times(of_one, 1000)
    by_service = model.cost(usage)
    whole = model.total(by_service)
    table = Table("", "quantity", "dollars", "share", title=title)
    for service, dollars in sorted(by_service.items(), key=lambda each: -each[1]):
        if dollars:
            quantities = ", ".join(
                f"{_amount(usage[name])} {name.replace('_', ' ')}"
                for name in model.SERVICES[service]
                if usage[name]
            )
            table.add_row(service, quantities, f"{dollars:.4f}", f"{dollars / whole:.0%}")
    table.add_section()
    table.add_row("all", "", f"{whole:.4f}", "100%")
    return table


def _amount(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:.2g}"


def _by_function(part: str) -> Table:
    table = Table(
        "of each", "runs", "billed ms each", "MB", "calls", "RRU", "WRU", "log bytes",
        title="Where it goes",
    )  # fmt: skip
    measured = model.counts()[part]
    for function, used in measured["functions"].items():
        table.add_row(
            function.removesuffix("Function"),
            str(used["invocations"]),
            f"{model.billed_milliseconds(function, used):.0f}",
            str(model.memory_mb(function)),
            str(sum(used["calls"].values())),
            f"{used['read_units']:g}",
            f"{used['write_units']:g}",
            str(used["log_bytes"]),
        )
    if "PostCheckoutFunction" in measured["functions"]:
        wait = model.assumptions()["checkout_wait"]
        table.add_row(
            "waiting in PostCheckout", "", str(wait["milliseconds"]), "", str(wait["reads"]),
            str(wait["reads"]), "", "",
        )  # fmt: skip
    if machine := measured.get("state_machine"):
        waits = sum(state.startswith("Await") for state in machine["states"])
        table.add_row(
            f"state machine: {machine['transitions']} transitions", "", "", "", str(waits), "",
            str(machine["write_units"]), "",
        )  # fmt: skip
    return table


def _month(requests: int, guide: dict[str, float]) -> Table:
    usage = model.monthly(requests)
    listed = model.cost(usage)
    after_free = model.cost(usage, free=model.always_free())
    table = Table(
        "", "list price", "after what is always free", "the guide",
        title=f"A month with {requests:,} requests",
    )  # fmt: skip
    for service in sorted(listed, key=lambda each: -listed[each]):
        if listed[service] or guide.get(service):
            shown = guide.get(service)
            table.add_row(
                service,
                f"{listed[service]:.2f}",
                f"{after_free[service]:.2f}",
                "" if shown is None else f"{shown:.2f}",
            )
    table.add_section()
    table.add_row(
        "all", f"{model.total(listed):.2f}", f"{model.total(after_free):.2f}",
        f"{guide['Total']:.2f}",
    )  # fmt: skip
    without = {name: value for name, value in listed.items() if name != "CloudFront"}
    table.add_row(
        "all but CloudFront", f"{model.total(without):.2f}",
        f"{model.total({k: v for k, v in after_free.items() if k != 'CloudFront'}):.2f}",
        f"{guide['Total'] - guide['CloudFront']:.2f}",
    )  # fmt: skip
    return table


if __name__ == "__main__":
    main()
