"""Proxmox VE as a target of the Pulumi program.

A volume is the disk of a virtual machine of its own that never runs and that Proxmox VE protects: the disk of a host
would go with the host. The running host borrows it (``path_in_datastore``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_proxmoxve as proxmox
from pydantic import TypeAdapter

from infra.components import cloudinit
from infra.components.context import Context
from infra.components.greeting import Greeting, await_greeting, greeted
from infra.components.settings import read_settings
from infra.components.target import HostOutputs
from infra.lab.layout import hardware_address
from infra.proxmox.placement import place
from infra.proxmox.settings import FILE, ProxmoxSettings, Size
from vigie.plan.model import Forward, Host, Network, Plan, Tier, Volume

GIBIBYTE: Final = 2**30
MEBIBYTE: Final = 2**20
# After a power cut the directory comes first, so that recorders find it.
START_ORDER: Final[Mapping[Tier, int]] = {
    "witness": 1,
    "central": 1,
    "recorder": 2,
    "noc": 3,
    "streaming": 4,
    "analytics": 5,
}
START_DELAY_SECONDS: Final = 10
# Read at the first boot alone: a new image or key must not rebuild every host of a city at once.
FIRST_BOOT_INPUTS: Final = ("disks[0].importFrom", "initialization.userDataFileId", "initialization.networkDataFileId")
HOST_TYPE: Final = "proxmoxve:index/vmLegacy:VmLegacy"  # with the host's name, what a rebuild replaces


@dataclass(frozen=True)
class ProxmoxTarget:
    """A Proxmox VE cluster. ``placement`` is the hypervisor of each host; ``rebuild`` are hosts to make anew."""

    context: Context
    settings: ProxmoxSettings
    city_network: str
    placement: Mapping[str, str]
    rebuild: frozenset[str] = field(default=frozenset(), compare=False)
    greeting: Greeting = field(default=await_greeting, compare=False, repr=False)

    @classmethod
    def of(
        cls, plan: Plan, folder: Path, authorized_key: str, keys: Path, previous: ProxmoxTarget | None = None
    ) -> ProxmoxTarget:
        """The target that ``folder``/proxmox.yaml describes for ``plan``; ``keys`` is the folder of SSH host keys.

        ``previous`` is the target as it was last deployed: its hosts stay where they are. Raises ``CityError``.
        """
        read = read_settings(folder / FILE, ProxmoxSettings)
        placement = place(plan, read, previous.placement if previous else {})
        return cls(Context.of(plan, authorized_key, keys), read.values, plan.network.city, placement)

    @property
    def host_type(self) -> str:
        return HOST_TYPE

    def rebuilding(self, hosts: Sequence[str]) -> ProxmoxTarget:
        """The same, with ``hosts`` to be made anew from the image and keys of today."""
        return replace(self, rebuild=frozenset(hosts))

    def network(self, network: Network) -> pulumi.Resource:  # noqa: ARG002 - the bridge is there, Proxmox VE owns it
        """The connection to the cluster; token and ssh agent are read from the environment by the provider itself."""
        return proxmox.Provider(self.context.city, endpoint=self.settings.endpoint)

    def host(self, host: Host, network: pulumi.Resource, parent: pulumi.Resource) -> HostOutputs:
        assert isinstance(network, proxmox.Provider)
        options = pulumi.ResourceOptions(parent=parent, provider=network)
        key = self.context.host_keys().of(host.name)
        serials = {volume.name: volume.name[:20] for volume in host.volumes}  # as long as virtio allows
        user = cloudinit.user_data(host, self.context.authorized_key, key, serials)
        mac = hardware_address(host.address)
        gateway = str(self.settings.gateway) if self.settings.gateway else None
        files = {
            kind: self._snippet(host, kind, text, options)
            for kind, text in {"user": user, "network": cloudinit.network_data(host, mac, gateway)}.items()
        }
        lent = [self._volume(host, index, volume, options) for index, volume in enumerate(host.volumes)]
        machine = self._machine(host, mac, files, lent, options)

        return greeted(machine, host.address, key.public, self.greeting)

    def forward(self, forward: Forward, network: pulumi.Resource) -> None:
        """Nothing: the control node is in the city's network."""

    def _identifier(self, host: Host, holder: int) -> int:
        """A virtual machine's id that no other host or volume of the city has: ``holder`` 0 is the host itself."""
        network = ip_network(self.city_network)
        offset = int(ip_address(host.address)) - int(network.network_address)
        return self.settings.first_id + holder * network.num_addresses + offset

    def _tags(self, host: Host) -> list[str]:
        return sorted(f"{key}-{value}" for key, value in self.context.labels(host).items())  # as Proxmox VE sorts them

    def _snippet(self, host: Host, kind: str, text: str, options: pulumi.ResourceOptions) -> proxmox.FileLegacy:
        return proxmox.FileLegacy(
            f"{host.name}-{kind}",
            content_type="snippets",
            datastore_id=self.settings.datastores.snippets,
            node_name=self.placement[host.name],
            source_raw=proxmox.FileLegacySourceRawArgs(
                data=pulumi.Output.secret(text), file_name=f"vigie-{self.context.city}-{host.name}-{kind}.yaml"
            ),
            opts=options,
        )

    def _volume(
        self, host: Host, index: int, volume: Volume, options: pulumi.ResourceOptions
    ) -> proxmox.VmLegacyDiskArgs:
        """The disk of ``volume`` as the host borrows it, held by a virtual machine that never runs."""
        disk: dict[str, Any] = {
            "backup": False,  # footage has an end; a backup would keep it beyond
            "datastore_id": self.settings.datastores.volumes,
            "discard": "on",
            "file_format": "raw",
            "iothread": True,
            "serial": volume.name[:20],
            "size": _gibibytes(volume.size_bytes),
        }
        keep = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
        holder = proxmox.VmLegacy(
            f"{host.name}-{volume.name}",
            name=f"{host.name}-{volume.name}",
            vm_id=self._identifier(host, index + 1),
            node_name=self.placement[host.name],
            description=f"Holds {volume.mount} of {host.name}. Never start it; deleting it deletes footage.",
            tags=sorted([*self._tags(host), "holds-footage"]),
            started=False,
            on_boot=False,
            migrate=True,
            protection=True,
            delete_unreferenced_disks_on_destroy=False,
            purge_on_destroy=False,
            disks=[proxmox.VmLegacyDiskArgs(interface="virtio0", **disk)],
            opts=pulumi.ResourceOptions.merge(options, keep),
        )
        path = holder.disks.apply(lambda disks: disks[0].path_in_datastore if disks else None)
        return proxmox.VmLegacyDiskArgs(interface=f"virtio{index + 1}", path_in_datastore=path, **disk)

    def _machine(
        self,
        host: Host,
        mac: str,
        files: Mapping[str, proxmox.FileLegacy],
        lent: Sequence[proxmox.VmLegacyDiskArgs],
        options: pulumi.ResourceOptions,
    ) -> proxmox.VmLegacy:
        size: Size = self.settings.size(host)
        system = proxmox.VmLegacyDiskArgs(
            interface="virtio0",
            datastore_id=self.settings.datastores.system,
            import_from=self.settings.image,
            discard="on",
            iothread=True,
            size=_gibibytes(size.disk),
        )
        ignored = [] if host.name in self.rebuild else list(FIRST_BOOT_INPUTS)
        own = pulumi.ResourceOptions(delete_before_replace=True, ignore_changes=ignored)
        return proxmox.VmLegacy(
            host.name,
            name=host.name,
            vm_id=self._identifier(host, 0),
            node_name=self.placement[host.name],
            description=f"{host.tier} of {self.context.city}, made by Vigie",
            tags=self._tags(host),
            cpu=proxmox.VmLegacyCpuArgs(cores=size.cores, type=self.settings.cpu),
            memory=proxmox.VmLegacyMemoryArgs(dedicated=size.memory // MEBIBYTE),
            disks=[system, *lent],
            delete_unreferenced_disks_on_destroy=False,
            boot_orders=["virtio0"],
            on_boot=True,
            migrate=True,
            startup=proxmox.VmLegacyStartupArgs(order=START_ORDER[host.tier], up_delay=START_DELAY_SECONDS),
            network_devices=[
                proxmox.VmLegacyNetworkDeviceArgs(
                    bridge=self.settings.bridge, vlan_id=self.settings.vlan, mac_address=mac.upper(), model="virtio"
                )
            ],
            initialization=proxmox.VmLegacyInitializationArgs(
                datastore_id=self.settings.datastores.system,
                user_data_file_id=files["user"].id,
                network_data_file_id=files["network"].id,
            ),
            agent=proxmox.VmLegacyAgentArgs(enabled=False),  # the cloud image has none: waiting for it takes 15 minutes
            operating_system=proxmox.VmLegacyOperatingSystemArgs(type="l26"),
            serial_devices=[proxmox.VmLegacySerialDeviceArgs()],  # Debian's image logs its boot there
            opts=pulumi.ResourceOptions.merge(options, own),
        )

    def dump(self) -> str:
        """As JSON, for :meth:`load`; holds no secret."""
        return (
            _STORED.dump_json(_Stored(self.context, self.settings, self.city_network, self.placement)).decode() + "\n"
        )

    @classmethod
    def load(cls, path: Path) -> ProxmoxTarget:
        """Read what :meth:`dump` wrote. Raises ``OSError`` or ``ValueError``."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> ProxmoxTarget:
        """The target that :meth:`dump` gave as ``text``. Raises ``ValueError``."""
        read = _STORED.validate_json(text)
        return cls(read.context, read.settings, read.city_network, read.placement)


@dataclass(frozen=True)
class _Stored:
    context: Context
    settings: ProxmoxSettings
    city_network: str
    placement: Mapping[str, str]


_STORED: Final = TypeAdapter(_Stored)


def _gibibytes(size_bytes: int) -> int:
    """Whole GiB, the unit of Proxmox VE's disks; never less than asked."""
    return -(-size_bytes // GIBIBYTE)
