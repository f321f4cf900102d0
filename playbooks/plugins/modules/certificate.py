"""Part of the action ``certificate`` that runs on the host: key, request, and what is there."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import tempfile

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: certificate
short_description: a TLS key and certificate of the city's authority
description:
  - Makes the private key on the host; it never leaves it. The action plugin of the same name signs the request on the
    control node and gives the certificate back.
  - A certificate is renewed when it nears its end, or when its names, its key or the authority changed.
options:
  directory:
    description: folder that holds C(key.pem) and C(cert.pem)
    type: path
    required: true
  common_name:
    description: common name of the certificate, and its first DNS name
    type: str
    required: true
  addresses:
    description: further addresses and DNS names
    type: list
    elements: str
    default: []
  owner:
    description: owner of key and certificate
    type: str
    default: root
  group:
    description: group of key and certificate
    type: str
    default: root
  authority:
    description: folder of the authority on the control node
    type: path
  city:
    description: city of the authority
    type: str
  certificate:
    description: set by the action plugin only; the certificate to lay down
    type: str
author:
  - Vigie
"""

EXAMPLES = r"""
- name: Give the service a certificate
  certificate:
    directory: /etc/vigie/tls/prometheus
    common_name: noc-1
    addresses: [10.77.0.30, localhost, 127.0.0.1]
    owner: prometheus
    group: prometheus
    authority: "{{ vigie_state }}/ca"
    city: "{{ vigie_city }}"
"""

RETURN = r"""
request:
  description: certificate signing request, PEM
  returned: always
  type: str
current:
  description: the certificate that is there, PEM, or nothing
  returned: always
  type: str
files:
  description: path, sha1, mode, owner and group of key and certificate
  returned: always
  type: list
"""

KEY_MODE = "0600"
CERTIFICATE_MODE = "0644"


def read(path: str) -> bytes:
    """The content of ``path``, empty where there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def describe(path: str) -> dict[str, str]:
    """Path, checksum, mode and owners of a file, as manifests keep them."""
    seen = os.stat(path)
    return {
        "path": path,
        "sha1": hashlib.sha1(read(path), usedforsecurity=False).hexdigest(),
        "mode": f"{seen.st_mode & 0o7777:04o}",
        "owner": pwd.getpwuid(seen.st_uid).pw_name,
        "group": grp.getgrgid(seen.st_gid).gr_name,
    }


def write(module: AnsibleModule, path: str, content: bytes) -> None:
    """Lay ``content`` down whole or not at all, for the owner alone until its attributes are set."""
    descriptor, partial = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".partial-")  # 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    secure(module, partial, KEY_MODE)
    os.rename(partial, path)


def secure(module: AnsibleModule, path: str, mode: str) -> bool:
    """Set mode and owners; say whether any differed."""
    changed = bool(module.set_owner_if_different(path, module.params["owner"], False))
    changed = bool(module.set_group_if_different(path, module.params["group"], changed))
    return bool(module.set_mode_if_different(path, mode, changed))


def generate(module: AnsibleModule, key: str) -> None:
    """Make a new ECDSA P-256 key; it goes from openssl to the file, and through no argument."""
    command = [module.get_bin_path("openssl", required=True), "genpkey", "-algorithm", "EC"]
    _, pem, _ = module.run_command([*command, "-pkeyopt", "ec_paramgen_curve:P-256"], check_rc=True)
    write(module, key, pem.encode())


def request(module: AnsibleModule, key: str) -> str:
    """A request signed by ``key``; the control node takes the names from the plan, not from here."""
    command = [module.get_bin_path("openssl", required=True), "req", "-new", "-key", key]
    _, pem, _ = module.run_command([*command, "-subj", f"/CN={module.params['common_name']}"], check_rc=True)
    return str(pem)


def main() -> None:
    """Make what is missing, lay down what is given, and tell what is there."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "common_name": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "authority": {"type": "path"},
            "city": {"type": "str"},
            "certificate": {"type": "str"},
        },
        supports_check_mode=True,
    )
    directory = module.params["directory"]
    key, certificate = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
    missing = not os.path.exists(key)
    if missing and module.check_mode:
        module.exit_json(changed=True, request="", current="", files=[])
    changed = missing
    if missing:
        os.makedirs(directory, mode=0o755, exist_ok=True)
        generate(module, key)
    changed |= secure(module, key, KEY_MODE)
    if module.params["certificate"] and not module.check_mode:
        write(module, certificate, module.params["certificate"].encode())
        changed = True
    laid = [path for path in (key, certificate) if os.path.exists(path)]
    if certificate in laid:
        changed |= secure(module, certificate, CERTIFICATE_MODE)
    module.exit_json(
        changed=changed,
        request=request(module, key),
        current=read(certificate).decode(errors="replace"),
        files=[describe(path) for path in laid],
    )


if __name__ == "__main__":
    main()
