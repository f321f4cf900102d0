"""A small RTSP client over TCP, independent of the simulator's own code, for tests that need exact control."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """An RTSP response; `headers` in order, names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        """Return the first header of that name, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class Client:
    """One connection. `media` collects nothing unless `read_media` is called."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    url: str
    credentials: str = ""
    session: str = ""
    sequence: int = field(default=0, init=False)

    @classmethod
    async def connect(cls, address: str, port: int, path: str, credentials: str = "") -> Client:
        """Open a connection; `credentials` is `user:password` for Basic authentication."""
        reader, writer = await asyncio.open_connection(address, port)
        return cls(reader, writer, f"rtsp://{address}:{port}{path}", credentials)

    async def request(self, method: str, suffix: str = "", **headers: str) -> Answer:
        """Send a request and return its answer, skipping media before it."""
        self.sequence += 1
        lines = [f"{method} {self.url}{suffix} RTSP/1.0", f"CSeq: {self.sequence}"]
        if self.credentials:
            lines.append("Authorization: Basic " + base64.b64encode(self.credentials.encode()).decode())
        if self.session:
            lines.append(f"Session: {self.session}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await self._answer()

    async def _answer(self) -> Answer:
        while (first := await self.reader.readexactly(1)) == b"$":
            await self._rest_of_packet()
        head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
        status_line, *lines = head.split("\r\n")
        pairs = [line.split(": ", 1) for line in lines if line]
        headers = [(name.lower(), value) for name, value in pairs]
        length = int(dict(headers).get("content-length", 0))
        body = (await self.reader.readexactly(length)).decode()
        matched = re.match(r"RTSP/1\.0 (\d{3}) ", status_line)
        assert matched is not None, status_line
        return Answer(int(matched[1]), headers, body)

    async def _rest_of_packet(self) -> tuple[int, bytes]:
        channel, high, low = await self.reader.readexactly(3)
        return channel, await self.reader.readexactly(high << 8 | low)

    async def packet(self) -> tuple[int, bytes]:
        """Return the next interleaved packet: its channel and content."""
        assert await self.reader.readexactly(1) == b"$"
        return await self._rest_of_packet()

    async def play(self) -> Answer:
        """SETUP and PLAY; returns the answer to PLAY."""
        setup = await self.request("SETUP", "/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        assert setup.status == 200, setup
        self.session = setup.header("session").split(";")[0]
        answer = await self.request("PLAY")
        assert answer.status == 200, answer
        return answer
