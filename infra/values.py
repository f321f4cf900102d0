"""Pulumi's property values to plain Python and back, and the differences between two sets of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pulumi.provider.experimental import provider as pulumi
from pulumi.provider.experimental.property_value import Computed, PropertyValue

Values = dict[str, Any]


class Unknown:
    """A value that a preview cannot know yet. All are one: ``UNKNOWN``."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


def to_plain(value: PropertyValue) -> Any:
    """Unwrap a property; whole numbers, which travel as floats, become ``int``."""
    inner = value.value
    if isinstance(inner, Computed):
        return UNKNOWN
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    if isinstance(inner, Mapping):
        return {key: to_plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [to_plain(item) for item in inner]
    return inner


def from_plain(value: Any) -> PropertyValue:
    """Wrap a plain value for Pulumi."""
    if value is UNKNOWN:
        return PropertyValue.computed()
    if isinstance(value, Mapping):
        return PropertyValue({key: from_plain(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return PropertyValue([from_plain(item) for item in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def plain(values: Mapping[str, PropertyValue]) -> Values:
    """Unwrap a resource's properties."""
    return {key: to_plain(value) for key, value in values.items()}


def wrapped(values: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """Wrap a resource's properties."""
    return {key: from_plain(value) for key, value in values.items()}


def known(value: Any) -> bool:
    """Whether nothing in ``value`` is still to be computed."""
    if isinstance(value, Mapping):
        return all(known(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(known(item) for item in value)
    return value is not UNKNOWN


def difference(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    identity: Collection[str],
    settled: Mapping[str, Any],
) -> pulumi.DiffResponse:
    """Compare the last known outputs ``old`` with the inputs ``new``.

    A change of a property in ``identity`` replaces the resource, any other updates it. An output that is not as
    ``settled`` says (a host that does not run) is drift, and updates it too.
    """
    kind = pulumi.PropertyDiffKind
    found: dict[str, pulumi.PropertyDiff] = {}
    for key in new:
        if key not in old:
            found[key] = pulumi.PropertyDiff(kind.ADD_REPLACE if key in identity else kind.ADD, True)
        elif old[key] != new[key]:
            found[key] = pulumi.PropertyDiff(kind.UPDATE_REPLACE if key in identity else kind.UPDATE, True)
    for key, value in settled.items():
        if old.get(key) != value:
            found[key] = pulumi.PropertyDiff(kind.UPDATE, False)
    return pulumi.DiffResponse(
        changes=bool(found),
        replaces=[key for key in found if key in identity],
        diffs=list(found),
        detailed_diff=found,
        delete_before_replace=True,  # an address or a port can be held once only
    )
