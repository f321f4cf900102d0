"""OpenStack as a target of the Pulumi program: Nova servers, Neutron ports with the plan's firewall, Cinder volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pulumi
import pulumi_openstack as openstack
from pulumi_openstack import blockstorage, compute, networking
from pydantic import TypeAdapter

from infra.components import cloudinit
from infra.components.context import Context
from infra.components.greeting import Greeting, await_greeting, greeted
from infra.components.hostkeys import HostKey
from infra.components.settings import read_settings
from infra.components.target import HostOutputs
from infra.openstack.firewall import security_group
from infra.openstack.settings import FILE, OpenStackSettings, check
from vigie.plan.model import Forward, Host, Network, Plan, Volume

GIBIBYTE: Final = 2**30
SERIAL_CHARACTERS: Final = 20  # of a volume's id, all that a virtio disk shows of it
# Read at the first boot alone: a new image or key must not rebuild every host of a city at once.
FIRST_BOOT_INPUTS: Final = ("image_name", "user_data")
HOST_TYPE: Final = "openstack:compute/instance:Instance"  # with the host's name, what a rebuild replaces
_POLICIES: Final = {"strict": "anti-affinity", "soft": "soft-anti-affinity"}


class CityNetwork(pulumi.ComponentResource):
    """Where hosts join: the network and subnet, the connection to the cloud, and the groups that stay apart."""

    def __init__(self, context: Context, settings: OpenStackSettings, network: Network) -> None:
        super().__init__("vigie:openstack:Network", context.city)
        own = pulumi.ResourceOptions(parent=self)
        # Password or application credential are read from clouds.yaml by the provider itself.
        self.provider = openstack.Provider(context.city, cloud=settings.cloud, region=settings.region, opts=own)
        options = pulumi.ResourceOptions(parent=self, provider=self.provider)
        asked = pulumi.InvokeOptions(parent=self, provider=self.provider)
        self.network_id = networking.get_network_output(name=settings.network, opts=asked).apply(_identifier)
        if settings.subnet:
            found = networking.get_subnet_output(name=settings.subnet, network_id=self.network_id, opts=asked)
            self.subnet_id = found.apply(_identifier)
        else:
            self.subnet_id = self._subnet(context.city, settings, network, options).id
        self.group_ids = self._groups(context, settings, options)
        self.register_outputs({})

    def _subnet(
        self, city: str, settings: OpenStackSettings, network: Network, options: pulumi.ResourceOptions
    ) -> networking.Subnet:
        return networking.Subnet(
            city,
            name=f"vigie-{city}",
            network_id=self.network_id,
            cidr=network.city,
            ip_version=4,
            enable_dhcp=False,  # the plan gives addresses; servers read them from their configuration drive
            gateway_ip=str(settings.gateway) if settings.gateway else None,
            no_gateway=None if settings.gateway else True,
            opts=options,
        )

    def _groups(
        self, context: Context, settings: OpenStackSettings, options: pulumi.ResourceOptions
    ) -> dict[str, pulumi.Output[str]]:
        """The server group of each host that must stay apart from others."""
        found: dict[str, pulumi.Output[str]] = {}
        strict = settings.anti_affinity == "strict"
        for group in context.apart:
            rules = compute.ServerGroupRulesArgs(max_server_per_host=group.at_most)
            made = compute.ServerGroup(
                group.name,
                name=f"vigie-{context.city}-{group.name}",
                policies=_POLICIES[settings.anti_affinity],
                rules=rules if strict and group.at_most > 1 else None,  # Nova knows the rule for the strict policy only
                opts=options,
            )
            found |= dict.fromkeys(group.hosts, made.id)
        return found


@dataclass(frozen=True)
class OpenStackTarget:
    """A project of an OpenStack cloud. ``rebuild`` are hosts to be made anew."""

    context: Context
    settings: OpenStackSettings
    rebuild: frozenset[str] = field(default=frozenset(), compare=False)
    greeting: Greeting = field(default=await_greeting, compare=False, repr=False)

    @classmethod
    def of(cls, plan: Plan, folder: Path, authorized_key: str, keys: Path) -> OpenStackTarget:
        """The target that ``folder``/openstack.yaml describes for ``plan``; ``keys`` is the folder of SSH host keys.

        Raises ``CityError``.
        """
        read = read_settings(folder / FILE, OpenStackSettings)
        check(plan, read)
        return cls(Context.of(plan, authorized_key, keys), read.values)

    @property
    def host_type(self) -> str:
        return HOST_TYPE

    def rebuilding(self, hosts: Sequence[str]) -> OpenStackTarget:
        """The same, with ``hosts`` to be made anew from the image and keys of today."""
        return replace(self, rebuild=frozenset(hosts))

    def network(self, network: Network) -> pulumi.Resource:
        return CityNetwork(self.context, self.settings, network)

    def host(self, host: Host, network: pulumi.Resource, parent: pulumi.Resource) -> HostOutputs:
        assert isinstance(network, CityNetwork)
        options = pulumi.ResourceOptions(parent=parent, provider=network.provider)
        key = self.context.host_keys().of(host.name)
        port = self._port(host, network, options)
        volumes = {volume.name: self._volume(host, volume, options) for volume in host.volumes}
        server = self._server(host, network, key, port, volumes, options)
        return greeted(server, host.address, key.public, self.greeting)

    def forward(self, forward: Forward, network: pulumi.Resource) -> None:
        """Nothing: the control node is in the city's network."""

    def _port(self, host: Host, network: CityNetwork, options: pulumi.ResourceOptions) -> networking.Port:
        addresses = (host.address, *host.extra_addresses)
        roaming = self.context.roaming.get(host.name, ())
        return networking.Port(
            host.name,
            name=f"vigie-{self.context.city}-{host.name}",
            network_id=network.network_id,
            fixed_ips=[
                networking.PortFixedIpArgs(subnet_id=network.subnet_id, ip_address=address) for address in addresses
            ],
            # Neutron drops what comes from an address that is not the port's: identities move between recorders.
            allowed_address_pairs=[networking.PortAllowedAddressPairArgs(ip_address=address) for address in roaming],
            security_group_ids=[security_group(host, self.context.city, options).id],
            tags=self._tags(host),
            opts=options,
        )

    def _volume(self, host: Host, volume: Volume, options: pulumi.ResourceOptions) -> blockstorage.Volume:
        keep = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
        return blockstorage.Volume(
            f"{host.name}-{volume.name}",
            name=f"vigie-{self.context.city}-{host.name}-{volume.name}",
            description=f"Holds {volume.mount} of {host.name}; deleting it deletes footage",
            size=-(-volume.size_bytes // GIBIBYTE),  # whole GiB, never less than asked
            volume_type=self.settings.volume_type,
            availability_zone=self.settings.availability_zone,
            enable_online_resize=True,
            metadata=self.context.labels(host),
            opts=pulumi.ResourceOptions.merge(options, keep),
        )

    def _server(
        self,
        host: Host,
        network: CityNetwork,
        key: HostKey,
        port: networking.Port,
        volumes: Mapping[str, blockstorage.Volume],
        options: pulumi.ResourceOptions,
    ) -> compute.Instance:
        user = self._user_data(host, key, {name: volume.id for name, volume in volumes.items()})
        group = network.group_ids.get(host.name)
        ignored = [] if host.name in self.rebuild else list(FIRST_BOOT_INPUTS)
        # The port, its addresses and the volumes can serve one server at a time.
        own = pulumi.ResourceOptions(delete_before_replace=True, ignore_changes=ignored)
        server = compute.Instance(
            host.name,
            name=host.name,
            flavor_name=self.settings.flavors[host.tier],
            image_name=self.settings.image,
            config_drive=True,
            user_data=user,
            availability_zone=self.settings.availability_zone,
            networks=[compute.InstanceNetworkArgs(port=port.id)],
            scheduler_hints=[compute.InstanceSchedulerHintArgs(group=group)] if group is not None else None,
            stop_before_destroy=True,
            metadata=self.context.labels(host),
            tags=self._tags(host),
            opts=pulumi.ResourceOptions.merge(options, own),
        )
        for name, volume in volumes.items():
            compute.VolumeAttach(f"{host.name}-{name}", instance_id=server.id, volume_id=volume.id, opts=options)
        return server

    def _user_data(self, host: Host, key: HostKey, volume_ids: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[str]:
        def text(ids: Sequence[str]) -> str:
            serials = {name: volume_id[:SERIAL_CHARACTERS] for name, volume_id in zip(volume_ids, ids, strict=True)}
            return cloudinit.user_data(host, self.context.authorized_key, key, serials)

        plain: pulumi.Output[str] = pulumi.Output.all(*volume_ids.values()).apply(text)
        secret: pulumi.Output[str] = pulumi.Output.secret(plain)
        return secret

    def _tags(self, host: Host) -> list[str]:
        return sorted(f"{key}-{value}" for key, value in self.context.labels(host).items())

    def dump(self) -> str:
        """As JSON, for :meth:`load`; holds no secret."""
        return _STORED.dump_json(_Stored(self.context, self.settings)).decode() + "\n"

    @classmethod
    def load(cls, path: Path) -> OpenStackTarget:
        """Read what :meth:`dump` wrote. Raises ``OSError`` or ``ValueError``."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> OpenStackTarget:
        """The target that :meth:`dump` gave as ``text``. Raises ``ValueError``."""
        read = _STORED.validate_json(text)
        return cls(read.context, read.settings)


@dataclass(frozen=True)
class _Stored:
    context: Context
    settings: OpenStackSettings


_STORED: Final = TypeAdapter(_Stored)


def _identifier(found: networking.GetNetworkResult | networking.GetSubnetResult) -> str:
    return found.id
