"""The lab target: real systemd hosts on one machine, in network namespaces that lead nowhere else.

Plain importable functions over the kernel and ``systemd-nspawn``; nothing here knows Pulumi. Every function is
idempotent: creating adopts what is right and clears what a killed run left, destroying something half-made succeeds.

* :mod:`infra.lab.layout`   names and paths of everything a city owns on the machine
* :mod:`infra.lab.network`  namespace and bridge, with the control address and no way out
* :mod:`infra.lab.host`     overlay, network namespace, control groups, boot, stop, destroy, condition
* :mod:`infra.lab.volume`   filesystems in sparse files, which survive the rebuild of their host
* :mod:`infra.lab.forward`  loopback ports of the machine that lead into the lab
* :mod:`infra.lab.faults`   power cuts and cable cuts, for drills
* :mod:`infra.lab.leftovers` whatever of a city is still on the machine
* :mod:`infra.lab.plugin`   the Pulumi provider over all of it
"""
