"""`python -m tools.measuring.cost.memory`: what each function's memory buys, and what it costs.

Lambda gives a share of a core in proportion to memory (a whole one at 1,769 MB), so work takes
longer at less memory and costs the same, while waiting takes as long and costs less.
"""

from rich.console import Console
from rich.table import Table

from tools.measuring.cost import model

SIZES = (256, 512, 1024, 1769)


def main() -> None:
    """Print, for each function that was counted, cold start and dollars at each size."""
    table = Table(
        "function", "MB", "waits",
        *(f"cold start at {size}" for size in SIZES),
        *(f"$ a million at {size}" for size in SIZES),
        title="Memory sizes",
    )  # fmt: skip
    gb_second = model.prices()["lambda_gb_second"]
    for function, used in sorted(_used().items()):
        extra = 0.0
        if function == "PostCheckoutFunction":
            extra = model.assumptions()["checkout_wait"]["milliseconds"]
        dollars = [
            (model.billed_milliseconds(function, used, size) + extra)
            * 1000
            * size
            / 1024
            * gb_second
            for size in SIZES
        ]
        table.add_row(
            function.removesuffix("Function"),
            str(model.memory_mb(function)),
            f"{model.waiting_milliseconds(used) + extra:.0f} ms",
            *(f"{model.import_milliseconds(function, size):.0f} ms" for size in SIZES),
            *(f"{each:.2f}" for each in dollars),
        )
    console = Console(width=170, highlight=False)
    console.print(table)
    imports = model.first_checkout_milliseconds()
    console.print(f"First checkout of a day, imports of four functions: {imports:.0f} ms")


def _used() -> dict[str, model.Json]:
    """Each function in the scenario that uses it most."""
    found: dict[str, model.Json] = {}
    for scenario in model.counts().values():
        for function, used in scenario["functions"].items():
            if used["calls"] and sum(used["calls"].values()) >= sum(
                found.get(function, used)["calls"].values()
            ):
                found[function] = used
    return found


if __name__ == "__main__":
    main()
