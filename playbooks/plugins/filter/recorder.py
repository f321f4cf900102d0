"""The configuration of a recorder identity, from the one function that knows MediaMTX's format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from vigie.recording.mediamtx import hash_password, render_configuration, render_yaml
from vigie.recording.mediamtx.identity import identity_settings


def recorder_configuration(
    identity: Mapping[str, Any], camera_login: Mapping[str, str], metrics_password: str, api_password: str
) -> str:
    """The text of ``identity``'s configuration file; it holds the password of the cameras.

    ``identity`` is an entry of the plan variable ``vigie_identities``, ``camera_login`` has ``username`` and
    ``password``. Raises ``AnsibleFilterError`` for what the renderer refuses.
    """
    settings = identity_settings(identity, camera_login, hash_password(metrics_password), hash_password(api_password))
    try:
        # Ansible's own text types are subclasses that YAML's safe dumper does not know.
        return render_yaml(_plain(render_configuration(settings)))
    except ValueError as error:
        raise AnsibleFilterError(f"identity {settings.identity}: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value


class FilterModule:
    """Filters of the recorder role."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function of each filter."""
        return {"recorder_configuration": recorder_configuration}
