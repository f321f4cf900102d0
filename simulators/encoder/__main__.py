"""Runs a simulator: `python -m simulators.encoder --config FILE`. Ends in good order on SIGTERM and SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web

from simulators.encoder.api import application
from simulators.encoder.clipfile import ClipFileError
from simulators.encoder.config import ConfigError, ControlConfig, Credentials, SimulatorConfig, load_config
from simulators.encoder.simulator import Simulator
from simulators.encoder.systemd import notify

log = logging.getLogger("simulators.encoder")


async def _serve_control(simulator: Simulator, control: ControlConfig) -> web.AppRunner:
    runner = web.AppRunner(application(simulator), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, str(control.address), control.port).start()
    return runner


async def run(config: SimulatorConfig, credentials: Credentials) -> None:
    """Play the devices of `config` until SIGTERM or SIGINT. Raises ClipFileError, OSError."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    simulator = Simulator(config, credentials)
    await simulator.start()
    try:
        runner = await _serve_control(simulator, config.control)
    except OSError:
        simulator.close()
        raise
    cameras = len(simulator.cameras())
    log.info("%d devices with %d cameras are listening", len(simulator.devices), cameras)
    notify(f"READY=1\nSTATUS={len(simulator.devices)} devices, {cameras} cameras")
    await ended.wait()
    notify("STOPPING=1")
    simulator.close()
    await runner.cleanup()


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 stopped by a signal, 1 the world refused (address, port), 2 the input is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.encoder", description="Play the RTSP devices of a site."
    )
    parser.add_argument(
        "--config", type=Path, required=True, help="JSON configuration; see simulators/encoder/config.py"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        asyncio.run(run(*load_config(options.config)))
    except (ConfigError, ClipFileError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
