#!/bin/sh
# Installs packages of a local repository into an overlay layer, without network and without starting anything.
# Runs in a mount and process namespace of its own (see commands.py): its mounts end with it.
# usage: bake.sh BARE UPPER WORK ROOT REPOSITORY PACKAGE...
set -eu
bare=$1 upper=$2 work=$3 root=$4 repository=$5
shift 5

# No redirects, no metadata-only copies: the upper layer must stand for itself when it becomes a lower one.
mount -t overlay -o "lowerdir=$bare,upperdir=$upper,workdir=$work,redirect_dir=off,metacopy=off,index=off" bake "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /dev "$root/dev"
mkdir "$root/run/repository"
mount --bind -o ro "$repository" "$root/run/repository"

# invoke-rc.d asks this before it starts a service; 101 forbids it.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
printf 'deb [trusted=yes] file:/run/repository ./\n' >"$root/run/sources.list"

apt() {
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -o Dir::Etc::SourceList=/run/sources.list \
        -o APT::Sandbox::User=root "$@"
}
apt update
apt install --yes "$@"

# What the installation enabled is for the roles to enable. Links to /dev/null (masks) stay.
enabled=$(find "$upper/etc/systemd/system" -path '*.wants/*' -type l -o -path '*.requires/*' -type l 2>/dev/null |
    sed 's,.*/,,' | sort -u)
# shellcheck disable=SC2086  # a list of unit names
[ -z "$enabled" ] || chroot "$root" systemctl disable $enabled

apt clean
rm -f "$root/usr/sbin/policy-rc.d" "$root"/var/cache/apt/*.bin "$root"/var/log/*.log "$root"/var/log/apt/* \
    "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root/var/cache/ldconfig/aux-cache"
find "$root/var/lib/apt/lists" -type f -delete
