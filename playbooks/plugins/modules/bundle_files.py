"""Fetches files of the bundle, each against its checksum."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import ssl
import tempfile
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: bundle_files
short_description: files of the bundle, each against its checksum
description:
  - Fetches what is missing or differs, over HTTPS with the city's authority, and refuses what has another checksum.
  - Many files take one call. A file is replaced whole or not at all.
options:
  url:
    description: base of the bundle
    type: str
    required: true
  ca_file:
    description: certificate of the authority that signed the bundle's server
    type: path
    required: true
  files:
    description: what to fetch
    type: list
    elements: dict
    required: true
    suboptions:
      source:
        description: path below the base
        type: str
        required: true
      path:
        description: where the file lies on the host; its folder exists
        type: path
        required: true
      sha256:
        description: SHA-256 of the content, hexadecimal
        type: str
        required: true
  owner:
    description: owner of the files
    type: str
    default: root
  group:
    description: group of the files
    type: str
    default: root
  mode:
    description: mode of the files, octal
    type: str
    default: "0644"
author:
  - Vigie
"""

EXAMPLES = r"""
- name: Fetch the recorder
  bundle_files:
    url: "{{ vigie_bundle_url }}"
    ca_file: "{{ vigie_paths.ca }}"
    mode: "0755"
    files:
      - source: bin/mediamtx
        path: /usr/local/bin/mediamtx
        sha256: "{{ vigie_binaries.mediamtx.sha256 }}"
"""

RETURN = r"""
files:
  description: path, sha1, mode, owner and group of every file
  returned: always
  type: list
"""

CHUNK = 1 << 20
TIMEOUT_SECONDS = 60


def digests(path: str) -> tuple[str, str]:
    """SHA-256 and SHA-1 of a file, empty where there is none."""
    long, short = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    try:
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                long.update(chunk)
                short.update(chunk)
    except FileNotFoundError:
        return "", ""
    return long.hexdigest(), short.hexdigest()


def fetch(opener: urllib.request.OpenerDirector, url: str, path: str, sha256: str) -> None:
    """Fetch ``url`` to ``path``. Raises ``ValueError`` when the content has another checksum, ``OSError``."""
    descriptor, partial = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".partial-")
    try:
        with os.fdopen(descriptor, "wb") as file, opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        found = digests(partial)[0]
        if found != sha256:
            raise ValueError(f"{url} has the checksum {found}, expected {sha256}: build the bundle again")  # noqa: TRY301 - the partial file goes, too
        os.rename(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def describe(path: str, sha1: str) -> dict[str, str]:
    """Path, checksum, mode and owners of a file, as manifests keep them."""
    seen = os.stat(path)
    owner, group = pwd.getpwuid(seen.st_uid).pw_name, grp.getgrgid(seen.st_gid).gr_name
    return {"path": path, "sha1": sha1, "mode": f"{seen.st_mode & 0o7777:04o}", "owner": owner, "group": group}


def lay(module: AnsibleModule, opener: urllib.request.OpenerDirector, wanted: dict[str, str]) -> bool:
    """Make one file what it should be; say whether it was not."""
    path, changed = wanted["path"], False
    if digests(path)[0] != wanted["sha256"]:
        if module.check_mode:
            return True
        url = f"{module.params['url'].rstrip('/')}/{wanted['source']}"
        try:
            fetch(opener, url, path, wanted["sha256"])
        except (OSError, ValueError) as error:
            module.fail_json(msg=f"{url}: {error}")
        changed = True
    changed = bool(module.set_owner_if_different(path, module.params["owner"], changed))
    changed = bool(module.set_group_if_different(path, module.params["group"], changed))
    return bool(module.set_mode_if_different(path, module.params["mode"], changed))


def main() -> None:
    """Fetch what is missing and tell what is there."""
    wanted = {name: {"type": "str", "required": True} for name in ("source", "sha256")}
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "ca_file": {"type": "path", "required": True},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": wanted | {"path": {"type": "path", "required": True}},
            },
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0644"},
        },
        supports_check_mode=True,
    )
    secure = ssl.create_default_context(cafile=module.params["ca_file"])
    # Past any proxy of the environment: the bundle is on the city's own network.
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=secure)
    opener = urllib.request.build_opener(*handlers)
    changed = [lay(module, opener, file) for file in module.params["files"]]
    laid = [file["path"] for file in module.params["files"] if os.path.exists(file["path"])]
    module.exit_json(changed=any(changed), files=[describe(path, digests(path)[1]) for path in laid])


if __name__ == "__main__":
    main()
