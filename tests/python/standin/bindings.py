"""Bound parameters of a request, as Python values."""
from decimal import Decimal

from fakesnow.converter import from_binding


def value_of(binding):
    if binding.get("value") is None:
        return None
    if binding["type"] == "FIXED" and "." in binding["value"]:
        return Decimal(binding["value"])
    if binding["type"] == "REAL":
        return float(binding["value"])
    return from_binding(binding)


def read(bound):
    """(parameters, rows of parameters): the second for an array binding, else None."""
    if not bound:
        return None, None
    if not all(name.isdigit() for name in bound):
        return {name: value_of(b) for name, b in bound.items()}, None
    ordered = [bound[str(place)] for place in range(1, len(bound) + 1)]
    if any(isinstance(b.get("value"), list) for b in ordered):
        columns = [[value_of({**b, "value": v}) for v in b["value"]] for b in ordered]
        return None, list(zip(*columns, strict=True))
    return tuple(value_of(b) for b in ordered), None
