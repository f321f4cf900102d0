"""One module for each command, called like it; ``vigie.cli.app`` puts them together."""
