"""The Python values that Candid needs beyond Python's own.

nat and int* are `int`, float* are `float`, text is `str`, `vec nat8` is `bytes`, other vecs are `list`, an
opt is None or the value, a record is a `dict` (a `tuple` if its ids are 0, 1, 2 …), principal is
`Principal`, null and reserved are None.
"""

from dataclasses import dataclass

from orchestrator.core.principal import Principal

__all__ = ["FunctionReference", "ServiceReference", "Some", "Variant"]


@dataclass(frozen=True, slots=True)
class Some:
    """A present value of an `opt` whose inner type is itself opt, null or reserved, where None would be ambiguous."""

    value: object


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant's value: the tag's name (its id as int where the name is unknown) and what it carries."""

    label: str | int
    value: object = None


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A reference to a public method of a canister."""

    service: Principal
    method: str


@dataclass(frozen=True, slots=True)
class ServiceReference:
    """A reference to a canister."""

    principal: Principal
