"""The inhibitions of the metric contract, in Alertmanager's terms."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase

from vigie.metrics import INHIBITIONS

DOCUMENTATION = r"""
name: inhibitions
short_description: inhibition rules of the metric contract
description:
  - Gives C(inhibit_rules) of Alertmanager's configuration from C(vigie.metrics), where alerts are named.
"""


def inhibit_rules() -> list[dict[str, Any]]:
    """One rule for each inhibition: while its source fires, its targets with equal labels stay silent."""
    return [
        {
            "source_matchers": [f'alertname="{inhibition.source}"'],
            "target_matchers": [f'alertname=~"{"|".join(inhibition.targets)}"'],
            "equal": list(inhibition.equal),
        }
        for inhibition in INHIBITIONS
    ]


class LookupModule(LookupBase):  # type: ignore[misc]
    """Takes no terms."""

    def run(self, terms: list[Any], variables: Any = None, **options: Any) -> list[dict[str, Any]]:
        """The rules."""
        del terms, variables, options
        return inhibit_rules()
