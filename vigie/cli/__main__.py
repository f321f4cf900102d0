"""``python -m vigie.cli``: the same as ``vigie``."""

from vigie.cli.app import main

main()
