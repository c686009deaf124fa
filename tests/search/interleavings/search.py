"""The search: random runs by seed, and the shortest run that still fails."""

from dataclasses import dataclass, field
from random import Random

from tests.search.interleavings.simulation import (
    MAX_RENTALS,
    Action,
    Fresh,
    PromiseBroken,
    Replayed,
    Simulation,
)
from tests.search.interleavings.stepfunctions import RENTAL, transitions
from tests.search.interleavings.world import UNITS, World
from tests.support.tasks import ordinary_way

STEPS_PER_EXAMPLE = (25, 90)
_SHRINK_RUNS = 200
_TRIES = 1_000  # in some moods nothing is left to do
# How often each happens, relative to the others, when it can.
_WEIGHTS = {
    "advance": 50,
    "desk": 25,
    "go_on": 12,
    "deliver": 12,
    "pay": 12,
    "settle_refund": 10,
    "pay_late": 8,
    "tell_eventbridge": 8,
    "decline": 7,
    "checkout": 6,
    "tick": 5,
    "move_unit": 2,
    "days_pass": 5,
    "hold_runs_out": 4,
    "finish_payment": 4,
    "lose": 3,
    "reconcile": 3,
    "come_back": 2,
    "cancel": 2,
    "deliver_again": 2,
    "same_key_again": 2,
    "break_down": 2,
    "begin_payment": 2,
    "leave_for_an_hour": 1,
    "pay_wrong_amount": 2,
    "pay_again": 1,
    "refund_by_owner": 1,
    "open_charge_session": 5,
    "extend": 3,
    "cancel_paid": 1,
    "give_back_part": 2,
    "raise_charge": 1,
    "settle_charge": 2,
    "stop": 2,
    "release": 1,
    "outage": 1,
}
_NEEDED = ("advance", "checkout")
# A rental that is paid, and waits for its unit to arrive at the store.
PAID = (
    *("checkout", *["advance"] * (ordinary_way(RENTAL).index("AwaitPayment") + 1)),
    *("pay", "deliver", "deliver"),
    *["advance"] * len(("ConfirmRental", "RentalConfirmed", "ResumeWhere", "AwaitArrival")),
)


@dataclass(slots=True)
class Failure:
    """A run that broke the promise, as short as it was made."""

    seed: str
    actions: list[Action]
    problem: str
    log: list[str]

    def __str__(self) -> str:
        actions = "\n".join(f"        {action!r}," for action in self.actions)
        log = "\n".join(self.log)
        return f"seed {self.seed}: {self.problem}\n{log}\n    actions:\n{actions}"


@dataclass(slots=True)
class Totals:
    """What was run."""

    examples: int = 0
    steps: int = 0
    invocations: int = 0
    faults: int = 0
    taken: set[tuple[str, str, str]] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{self.steps} steps in {self.examples} examples: "
            f"{self.invocations} invocations, {self.faults} faults, "
            f"{len(self.taken)} of {len(transitions())} transitions between states"
        )


def run_example(world: World, seed: str, totals: Totals) -> Failure | None:
    """One random example, checked to its quiet end."""
    random = Random(seed)
    simulation = Simulation(world, seed)
    actions: list[Action] = []
    wanted = random.randint(*STEPS_PER_EXAMPLE)
    names, weights = list(_WEIGHTS), _mood(random)
    rentals = random.randint(1, MAX_RENTALS)
    try:
        for name in PAID * random.randint(0, len(UNITS)):
            actions.append((name, ()))
            assert simulation.act(name, Replayed(())), name
            totals.steps += 1
        tries, wanted = 0, wanted + len(actions)
        while len(actions) < wanted and tries < _TRIES:
            tries += 1
            name = random.choices(names, weights)[0]
            if name == "checkout" and len(simulation.visits) >= rentals:
                continue
            draw = Fresh(random)
            actions.append((name, ()))
            try:
                if not simulation.act(name, draw):
                    actions.pop()
                    continue
            finally:
                if actions and actions[-1] == (name, ()):
                    actions[-1] = (name, tuple(draw.drawn))
            totals.steps += 1
        simulation.come_to_rest()
    except PromiseBroken as problem:
        return Failure(seed, actions, str(problem), simulation.log)
    finally:
        simulation.close()
        totals.examples += 1
        totals.invocations += simulation.invocations
        totals.faults += simulation.causes.faults
        totals.taken |= simulation.steps.taken
    return None


def _mood(random: Random) -> list[float]:
    """Each example does some things more often and some never: so rare things meet."""
    return [
        weight * (1 if name in _NEEDED else random.choice((0, 1, 1, 4)))
        for name, weight in _WEIGHTS.items()
    ]


def replay(world: World, seed: str, actions: list[Action]) -> Failure | None:
    """Run these actions; what is wrong, if anything."""
    simulation = Simulation(world, seed)
    try:
        simulation.play(actions)
    except PromiseBroken as problem:
        return Failure(seed, actions, str(problem), simulation.log)
    finally:
        simulation.close()
    return None


def shrink(world: World, failure: Failure) -> Failure:
    """Leave out actions and make choices plainer, for as long as it still fails."""
    best = replay(world, failure.seed, failure.actions)
    if best is None:
        return failure  # only the quiet end it had shows it
    runs = 0
    for candidate_of in (_shorter, _plainer):
        place = 0
        while runs < _SHRINK_RUNS and (actions := candidate_of(best.actions, place)) is not None:
            runs += 1
            found = replay(world, failure.seed, actions)
            best, place = (found, place) if found else (best, place + 1)
    return best


def _shorter(actions: list[Action], place: int) -> list[Action] | None:
    """The candidate number `place`: halves first, then quarters, down to single actions."""
    size = len(actions) // 2
    while size > 0:
        chunks = -(-len(actions) // size)
        if place < chunks:
            return actions[: place * size] + actions[(place + 1) * size :]
        place -= chunks
        size //= 2
    return None


def _plainer(actions: list[Action], place: int) -> list[Action] | None:
    """The candidate number `place`: one choice made 0."""
    for number, (name, drawn) in enumerate(actions):
        for index, value in enumerate(drawn):
            if value and place == 0:
                plain = (name, (*drawn[:index], 0, *drawn[index + 1 :]))
                return [*actions[:number], plain, *actions[number + 1 :]]
            place -= bool(value)
    return None
