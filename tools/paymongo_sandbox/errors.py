"""PayMongo's error answers."""

from dataclasses import dataclass

from tools.paymongo_sandbox.resources import Json


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of `errors[]`; without a pointer it has no `source`."""

    code: str
    detail: str
    pointer: str | None = None

    def to_json(self) -> Json:
        problem: Json = {"code": self.code, "detail": self.detail}
        if self.pointer is not None:
            attribute = self.pointer.rpartition(".")[2].partition("[")[0]
            problem["source"] = {"pointer": self.pointer, "attribute": attribute}
        return problem


class ApiError(Exception):
    """A call that PayMongo refuses, with an HTTP status and one or several problems."""

    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__(", ".join(problem.detail for problem in problems))
        self.status = status
        self.problems = problems

    def to_json(self) -> Json:
        return {"errors": [problem.to_json() for problem in self.problems]}


def refused(code: str, detail: str, pointer: str | None = None) -> ApiError:
    """Validation and business rules alike are status 400."""
    return ApiError(400, Problem(code, detail, pointer))


def not_found(noun: str, record_id: str) -> ApiError:
    """Also the answer for a record of the other mode."""
    return ApiError(404, Problem("resource_not_found", f"No such {noun} with id {record_id}."))
