#!/bin/sh
# vigie-volume SERIAL LABEL MOUNT: mount the disk with that serial number. cloud-init runs it at each boot, before sshd.
# Only a disk without any signature is given a filesystem: whatever holds something may hold footage, and stays.
set -eu
serial=$1 label=$2 mount=$3

find_disk() {
    for disk in /dev/disk/by-id/*"$serial"*; do
        case $disk in *-part[0-9]*) continue ;; esac
        if [ -b "$disk" ]; then
            readlink -f "$disk"
            return
        fi
    done
    return 1
}

waited=0
until disk=$(find_disk); do
    waited=$((waited + 1))
    if [ "$waited" -gt 300 ]; then
        echo "vigie-volume: no disk with serial $serial" >&2
        exit 1
    fi
    sleep 1
done
# A read error ends the script here: an unreadable disk must not look like an empty one.
signatures=$(wipefs --noheadings "$disk")
if [ -z "$signatures" ]; then
    mkfs.ext4 -q -m 0 -L "$label" "$disk"
fi
uuid=$(blkid -p -s UUID -o value "$disk")
mkdir -p "$mount"
if ! grep -q "^UUID=$uuid " /etc/fstab; then
    # nofail: a host without its volume stays reachable; the recorder's preflight and an alert say what is missing.
    printf 'UUID=%s %s ext4 noatime,nofail,x-systemd.growfs 0 2\n' "$uuid" "$mount" >>/etc/fstab
fi
mountpoint -q "$mount" || mount "$mount"
