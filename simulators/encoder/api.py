"""Control API of a simulator: HTTP on loopback, for drills and tests on the same host."""

from __future__ import annotations

import json
from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from simulators.encoder.device import ListenError
from simulators.encoder.faults import Fault
from simulators.encoder.simulator import Simulator, UnknownCameraError

MAX_BODY_BYTES: Final = 4_096


class FaultOrder(BaseModel):
    """Body of PUT /cameras/{id}/fault. Without `role` all streams of the camera follow."""

    model_config = ConfigDict(extra="forbid")

    fault: Fault
    role: Literal["main", "sub"] | None = None


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


def application(simulator: Simulator) -> web.Application:
    """Return the application: GET /cameras, GET /cameras/{id}, PUT /cameras/{id}/fault."""

    async def list_cameras(_request: web.Request) -> web.Response:
        return web.json_response({"cameras": simulator.cameras()})

    async def show_camera(request: web.Request) -> web.Response:
        try:
            return web.json_response(simulator.camera(request.match_info["camera"]))
        except UnknownCameraError as error:
            return _refusal(404, str(error))

    async def set_fault(request: web.Request) -> web.Response:
        try:
            order = FaultOrder.model_validate(json.loads(await request.read()))
        except (UnicodeDecodeError, json.JSONDecodeError):
            return _refusal(400, 'the body is not JSON: send {"fault": "freeze"}')
        except ValidationError as error:
            return _refusal(400, _complaint(error))
        camera = request.match_info["camera"]
        try:
            await simulator.set_fault(camera, order.fault, order.role)
            return web.json_response(simulator.camera(camera))
        except UnknownCameraError as error:
            return _refusal(404, str(error))
        except ListenError as error:
            return _refusal(503, str(error))

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_get("/cameras", list_cameras)
    app.router.add_get("/cameras/{camera}", show_camera)
    app.router.add_put("/cameras/{camera}/fault", set_fault)
    return app


def _complaint(error: ValidationError) -> str:
    mistakes = [f"{'.'.join(map(str, m['loc'])) or 'body'}: {m['msg']}" for m in error.errors(include_url=False)]
    return f"{'; '.join(mistakes)}. Faults: {', '.join(Fault)}"
