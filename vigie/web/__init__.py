"""What every web server of the platform shares: configuration files, TLS, authentication, and listening with reload.

The file of TLS and users has the format of Prometheus' exporter-toolkit.
"""
