"""What the account is allowed to do; a test can change it."""

from pydantic import BaseModel, ConfigDict

from tools.paymongo_sandbox.settings import Settings


class Account(BaseModel):
    """Payment methods, by PayMongo's names."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    inactive_payment_methods: frozenset[str] = frozenset()
    whole_refunds_only: frozenset[str] = frozenset()
    """PayMongo's pages disagree about GrabPay and Maya; a shop has to be right either way."""

    @classmethod
    def of(cls, settings: Settings) -> "Account":
        """As it is after a start or a reset."""
        return cls(
            inactive_payment_methods=settings.inactive_payment_methods,
            whole_refunds_only=settings.whole_refunds_only,
        )

    def become(self, other: "Account") -> None:
        """Takes over what the other one was given."""
        for name in other.model_fields_set:
            setattr(self, name, getattr(other, name))
