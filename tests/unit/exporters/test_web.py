"""Server, TLS, authentication, reload and sampler, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import bcrypt
import pytest
from prometheus_client.core import Metric as Family

from exporters.web import Exporter, Families
from exporters.web.sampler import Sampler
from tests.unit.exporters.serving import get, run, serving
from vigie.metrics import families
from vigie.metrics.thresholds import EXPORTER_STALE
from vigie.pki import CityCA
from vigie.web import auth as auth_module
from vigie.web.auth import BasicAuthentication

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()


async def _measure() -> Iterable[Family]:
    found = Families()
    found.add(families.RECORDER_UP, 1, identity="rec-1")
    return list(found)


def exporter() -> Exporter:
    return Exporter(5, _measure, Counter())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CityCA:
    return CityCA.open(tmp_path_factory.mktemp("ca"), "test")


def put_certificate(folder: Path, authority: CityCA) -> None:
    """Key and certificate of the server, and the file that names them."""
    certificate, key = authority.issue("exporter", ["127.0.0.1"])
    (folder / "key.pem").write_bytes(key)
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)


def web_file(folder: Path, users: str = f'{{prometheus: "{HASH}"}}', client: bool = True) -> Path:
    """The web configuration; relative paths start at its folder."""
    verification = "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, " if client else ""
    file = folder / "web.yml"
    file.write_text(
        f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem, {verification}min_version: TLS13}}\n"
        f"basic_auth_users: {users}\n"
    )
    return file


def client_context(folder: Path, authority: CityCA, name: str | None = "prometheus") -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    if name is not None:
        certificate, key = authority.issue(name, [])
        (folder / "client.pem").write_bytes(key + certificate)
        context.load_cert_chain(folder / "client.pem")
    return context


def test_plain_server_has_metrics_health_and_a_landing_page() -> None:
    async def test() -> None:
        async with serving("camera", exporter()) as (sampler, _, port):
            assert (await get(port, "/healthz"))[0] == 503
            await sampler.once()
            assert await get(port, "/healthz") == (200, "ok\n")
            status, text = await get(port)
            assert status == 200
            assert 'vigie_recorder_up{identity="rec-1"} 1.0' in text
            assert 'href="metrics"' in (await get(port, "/"))[1]
            assert (await get(port, "/other"))[0] == 404

    run(test())


def test_tls_wants_a_client_certificate_of_the_city_and_the_password(tmp_path: Path, authority: CityCA) -> None:
    put_certificate(tmp_path, authority)

    async def test() -> None:
        async with serving("camera", exporter(), web_file(tmp_path)) as (_, _, port):
            tls = client_context(tmp_path, authority)
            assert (await get(port, tls=tls, auth=("prometheus", "secret")))[0] == 200
            for login in (None, ("prometheus", "wrong"), ("nobody", "secret")):
                assert (await get(port, tls=tls, auth=login))[0] == 401
                assert (await get(port, "/healthz", tls=tls, auth=login))[0] == 401
            with pytest.raises(aiohttp.ClientError):
                await get(port, tls=client_context(tmp_path, authority, None), auth=("prometheus", "secret"))
            with pytest.raises(aiohttp.ClientError):
                await get(port, auth=("prometheus", "secret"))

    run(test())


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path, authority: CityCA) -> None:
    put_certificate(tmp_path, authority)
    stranger = CityCA.open(tmp_path / "stranger", "other")
    certificate, key = stranger.issue("prometheus", [])
    (tmp_path / "stranger.pem").write_bytes(key + certificate)

    async def test() -> None:
        async with serving("camera", exporter(), web_file(tmp_path)) as (_, _, port):
            tls = ssl.create_default_context(cadata=authority.certificate_pem.decode())
            tls.load_cert_chain(tmp_path / "stranger.pem")
            with pytest.raises(aiohttp.ClientError):
                await get(port, tls=tls, auth=("prometheus", "secret"))

    run(test())


async def _peer(port: int, tls: ssl.SSLContext) -> bytes:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return certificate


def test_renewed_certificates_and_users_are_taken_without_a_restart(tmp_path: Path, authority: CityCA) -> None:
    put_certificate(tmp_path, authority)
    file = web_file(tmp_path, client=False)

    async def test() -> None:
        async with serving("camera", exporter(), file) as (_, server, port):
            tls = client_context(tmp_path, authority, None)
            before = await _peer(port, tls)
            assert not await server.reload()
            put_certificate(tmp_path, authority)
            assert await server.reload()
            assert await _peer(port, tls) != before
            web_file(tmp_path, users="{}", client=False)
            assert await server.reload()
            assert (await get(port, tls=tls))[0] == 200

    run(test())


def test_a_bad_change_is_reported_once_and_the_old_stays(tmp_path: Path, authority: CityCA) -> None:
    put_certificate(tmp_path, authority)
    file = web_file(tmp_path, client=False)
    mine = exporter()

    async def test() -> None:
        async with serving("camera", mine, file) as (_, server, port):
            tls = client_context(tmp_path, authority, None)
            (tmp_path / "cert.pem").write_text("half a certificate")
            assert not await server.reload()
            assert not await server.reload()
            assert mine.errors["web_config"] == 1
            status, text = await get(port, tls=tls, auth=("prometheus", "secret"))
            assert status == 200
            assert 'vigie_exporter_errors_total{exporter="camera",stage="web_config"} 1.0' in text

    run(test())


def test_nobody_is_refused_while_the_listener_changes(tmp_path: Path, authority: CityCA) -> None:
    put_certificate(tmp_path, authority)
    file = web_file(tmp_path, users="{}", client=False)

    async def test() -> None:
        async with serving("camera", exporter(), file) as (_, server, port):
            tls = client_context(tmp_path, authority, None)
            for _ in range(5):
                os.utime(file, ns=(time.time_ns(), time.time_ns()))
                answers, _ = await asyncio.gather(
                    asyncio.gather(*(get(port, tls=tls) for _ in range(5))), server.reload()
                )
                assert [status for status, _ in answers] == [200] * 5

    run(test())


def header(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_verified_credentials_are_remembered_and_wrong_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = []
    matches = auth_module._matches

    def counting(password: bytes, known: bytes) -> bool:
        checks.append(password)
        return matches(password, known)

    monkeypatch.setattr(auth_module, "_matches", counting)

    async def test() -> None:
        authentication = BasicAuthentication({"prometheus": HASH})
        for _ in range(3):
            assert await authentication.accepts(header("prometheus", "secret"))
        assert len(checks) == 1
        for _ in range(2):
            assert not await authentication.accepts(header("prometheus", "wrong"))
        assert len(checks) == 3
        # An unknown user costs the same as a known one.
        assert not await authentication.accepts(header("nobody", "secret"))
        assert len(checks) == 4

    run(test())


@pytest.mark.parametrize(
    "value",
    [None, "", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(), "Bearer x", "Basic /w=="],
)
def test_malformed_headers_are_refused(value: str | None) -> None:
    assert not run(BasicAuthentication({"prometheus": HASH}).accepts(value))


def test_a_password_longer_than_bcrypt_takes_is_refused() -> None:
    """bcrypt looks at 72 bytes: a longer one must not pass for its beginning."""
    known = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    authentication = BasicAuthentication({"u": known})
    assert not run(authentication.accepts(header("u", "x" * 73)))


def test_a_hanging_sample_delays_no_scrape_and_is_not_doubled() -> None:
    release = asyncio.Event()
    calls = 0

    async def hang() -> Iterable[Family]:
        nonlocal calls
        calls += 1
        await release.wait()
        return await _measure()

    async def test() -> None:
        mine = Exporter(5, hang, Counter())
        async with serving("camera", mine) as (_, _, port):
            sampler = Sampler(hang, 5, timeout=0.05)
            await sampler.once()
            await sampler.once()
            assert (calls, sampler.errors["timeout"], sampler.fresh) == (1, 2, None)
            began = time.monotonic()
            assert (await get(port))[0] == 200
            assert time.monotonic() - began < 2
            release.set()
            await sampler.once()
            assert sampler.fresh is not None

    run(test())


def test_old_samples_are_withheld_not_repeated() -> None:
    async def test() -> None:
        async with serving("camera", exporter()) as (sampler, _, port):
            await sampler.once()
            assert sampler.taken is not None
            sampler.taken -= EXPORTER_STALE.value + 1
            _, text = await get(port)
            assert "vigie_recorder_up" not in text
            assert "vigie_exporter_last_collection_timestamp_seconds{" in text
            assert (await get(port, "/healthz"))[0] == 503

    run(test())


def test_a_failing_measurement_is_counted_and_survived() -> None:
    async def fail() -> Iterable[Family]:
        raise ZeroDivisionError

    async def test() -> None:
        sampler = Sampler(fail, 5, timeout=1)
        await sampler.once()
        assert sampler.errors["collect"] == 1

    run(test())


def test_samples_are_taken_again_and_again() -> None:
    count = 0

    async def measure() -> int:
        nonlocal count
        count += 1
        return count

    async def test() -> None:
        task = asyncio.ensure_future(Sampler(measure, 0.02, timeout=1).run())
        await asyncio.sleep(0.3)
        task.cancel()
        assert 8 <= count <= 16

    run(test())


def test_labels_against_the_contract_are_refused() -> None:
    with pytest.raises(ValueError):
        Families().add(families.RECORDER_UP, 1, camera="x")
