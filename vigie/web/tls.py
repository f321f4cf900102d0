"""TLS contexts from `tls_server_config`."""

from __future__ import annotations

import ssl
from typing import Final

from vigie.web.configuration import ConfigurationError, TlsServerConfig

_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_VERIFICATION: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def server_context(tls: TlsServerConfig) -> ssl.SSLContext:
    """A server's context. Raises ConfigurationError that names the file which cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        message = f"tls_server_config: cert_file {tls.cert_file} with key_file {tls.key_file}: {_reason(error)}"
        raise ConfigurationError(message) from None
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"tls_server_config.client_ca_file: {tls.client_ca_file}: {_reason(error)}"
            ) from None
    context.verify_mode = _VERIFICATION[tls.client_auth_type]
    return context


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or str(error)
