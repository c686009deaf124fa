"""TestState's cases of each state, where our own interpreter stands in for AWS."""

import json
from typing import Any

import pytest

from infra.clock import timestamp
from tests.search.interleavings.stepfunctions import Execution, StepFunctions, TaskError
from tests.search.interleavings.stepfunctions import deployed_definition as deployed
from tests.search.interleavings.world import Clock
from tests.support.tasks import MACHINES, STATES, state_of
from tools.ops import state_checks

Json = dict[str, Any]


class Interpreter:
    """`test_state` of a client."""

    def test_state(self, *, definition: str, stateName: str, variables: str, **given: Any) -> Json:  # noqa: N803
        clock = Clock()
        steps = StepFunctions(clock, lambda _: None)
        context = json.loads(given.get("context", '{"Execution": {"Name": "x", "Input": {}}}'))
        execution = Execution(
            machine="RentalStateMachine",
            name=context["Execution"]["Name"],
            # A Fail state names the rental, whether or not TestState knows it.
            input={"rental_id": "nobody"} | context["Execution"]["Input"],
            definition=json.loads(definition),
            started_at=0,
            state=stateName,
            entered_at=timestamp(clock.now()),
            data=json.loads(given.get("input", "{}")),
            variables=json.loads(variables),
        )
        steps.advance(execution)
        failure = given.get("mock", {}).get("errorOutput")
        if failure:
            tried = given["stateConfiguration"]["retrierRetryCount"]
            execution.retries = dict.fromkeys(range(9), tried)
            steps.finish_task(execution, None, TaskError(failure["error"], failure["cause"]))
        elif "mock" in given:
            payload = json.loads(given["mock"]["result"])["Payload"]
            steps.finish_task(execution, payload, None)
        return self._answer(execution, stateName, has_failed=failure is not None)

    @staticmethod
    def _answer(execution: Execution, before: str, *, has_failed: bool) -> Json:
        if not execution.is_running:
            return {"status": execution.status, "error": execution.error}
        if execution.state == before:
            return {"status": "RETRIABLE"}
        status = "CAUGHT_ERROR" if has_failed else "SUCCEEDED"
        return {"status": status, "nextState": execution.state}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_case_has_the_outcome_that_our_interpreter_gives_it(machine: str) -> None:
    assert list(state_checks.problems(Interpreter(), deployed(machine))) == []


def test_every_state_and_every_way_out_of_it_is_tried() -> None:
    tried = {machine: list(state_checks.cases(deployed(machine))) for machine in MACHINES}

    for machine, name in STATES:
        state, cases = state_of(machine, name), [c for c in tried[machine] if c.state == name]
        ways = [*state.get("Catch", ()), *state.get("Choices", ())]
        wanted = {each["Next"] for each in ways} | {state.get("Next"), state.get("Default")} - {
            None
        }
        assert {c.expected["nextState"] for c in cases if "nextState" in c.expected} == wanted
        assert cases


def test_what_is_answered_otherwise_is_told() -> None:
    class CatchesBeforeItRetries(Interpreter):
        """As the engine does."""

        def test_state(self, **given: Any) -> Json:
            answer = super().test_state(**given)
            return answer | {"status": answer["status"].replace("RETRIABLE", "CAUGHT_ERROR")}

    found = list(state_checks.problems(CatchesBeforeItRetries(), deployed("RentalStateMachine")))

    assert len(found) == len(
        [
            name
            for machine, name in STATES
            if machine == "RentalStateMachine" and "Retry" in state_of(machine, name)
        ]
    )
    assert found[0].startswith("ReserveUnit, InfrastructureUnavailable at first: ")
