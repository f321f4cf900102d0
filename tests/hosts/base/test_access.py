"""Who may log in, and how."""

from __future__ import annotations

from typing import Final

from tests.hosts.observed import STRAY, Observed

# After the ssh baseline of dev-sec and sshd_config(5): what must hold whatever file says otherwise.
SSH_SETTINGS: Final = {
    "addressfamily": ["inet"],  # the plan knows IPv4 only, and the firewall drops the rest
    "authenticationmethods": ["publickey"],
    "pubkeyauthentication": ["yes"],
    "passwordauthentication": ["no"],
    "kbdinteractiveauthentication": ["no"],
    "hostbasedauthentication": ["no"],
    "gssapiauthentication": ["no"],
    "permitemptypasswords": ["no"],
    "permitrootlogin": ["no"],
    "permituserenvironment": ["no"],
    "permittunnel": ["no"],
    "allowtcpforwarding": ["no"],
    "allowstreamlocalforwarding": ["no"],
    "allowagentforwarding": ["no"],
    "gatewayports": ["no"],
    "x11forwarding": ["no"],
    "ignorerhosts": ["yes"],
    "strictmodes": ["yes"],
}
MOST_AUTHENTICATION_TRIES: Final = 4
LONGEST_LOGIN_SECONDS: Final = 60
WEAK_ALGORITHMS: Final = ("cbc", "arcfour", "3des", "md5", "group1-sha1", "group14-sha1", "ssh-dss", "ssh-rsa,")


def test_ssh_is_hardened_in_effect(observed: Observed) -> None:
    """Asked of sshd itself (``sshd -T``): a drop-in that sorts first wins, whatever our file says."""
    found, login = observed["ssh"], observed.host.login
    wanted = SSH_SETTINGS | {"port": [str(login.port)], "allowusers": [login.user]}
    observed.expect_all(
        "sshd settings",
        [(key, *value) for key, value in wanted.items()],
        [(key, *found.get(key, [])) for key in wanted],
        "vigie up; if that is not enough, a stranger's file in /etc/ssh/sshd_config.d wins: take it away by hand",
    )


def test_ssh_gives_a_guesser_little_time(observed: Observed) -> None:
    """Few tries and a short grace time keep a scanner from holding connections open."""
    found = observed["ssh"]
    if int(found["maxauthtries"][0]) > MOST_AUTHENTICATION_TRIES:
        observed.fail(f"sshd allows {found['maxauthtries'][0]} tries, {MOST_AUTHENTICATION_TRIES} at most are wanted")
    if not 0 < int(found["logingracetime"][0]) <= LONGEST_LOGIN_SECONDS:
        observed.fail(
            f"sshd waits {found['logingracetime'][0]} s for a login, {LONGEST_LOGIN_SECONDS} at most are wanted"
        )


def test_ssh_offers_no_weak_algorithm(observed: Observed) -> None:
    """Old ciphers, digests and key exchanges stay off, also when a package's defaults change."""
    found = observed["ssh"]
    offered = {
        name for key in ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms") for name in found[key][0].split(",")
    }
    observed.expect_none(
        "weak algorithms of sshd", (name for name in offered if any(weak in f"{name}," for weak in WEAK_ALGORITHMS))
    )


def test_only_the_administrator_can_log_in(observed: Observed) -> None:
    """Service accounts have no shell; root's is there for the console and closed by having no password and no key."""
    observed.expect(
        "accounts with a shell", sorted(["root", observed.host.login.user]), observed["accounts"]["login_shells"], STRAY
    )
    observed.expect("accounts with uid 0", ["root"], observed["accounts"]["uid_0"], STRAY)


def test_no_account_has_a_password(observed: Observed) -> None:
    """Keys only: a password can be guessed, shared and written on a note."""
    observed.expect("accounts with a password", [], observed["accounts"]["passwords"])


def test_the_only_key_is_the_citys(observed: Observed) -> None:
    """A second key in any account is somebody who stays after leaving."""
    public = observed.state.ssh_key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    found = {(user, key) for user, keys in observed["accounts"]["authorized_keys"].items() for key in keys}
    observed.expect_all("authorized keys", {(observed.host.login.user, public)}, found, STRAY)
