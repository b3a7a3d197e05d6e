"""Which model servers may be dialled: the table of ways around an allow-list."""

import asyncio
import socket
from typing import Any

import pytest

from service_defaults.discovery import model_server_policy
from service_defaults.endpoints import EndpointPolicy, parse_endpoint
from service_defaults.errors import EndpointForbidden, EndpointInvalid, EndpointUnresolved
from service_defaults.settings import ServiceSettings

NAMES: dict[str, list[str]] = {
    "gpu.test": ["10.1.2.3"],
    "flip.test": ["127.0.0.1", "10.1.2.3"],
    "rebound.test": ["127.0.0.1", "169.254.169.254"],
    "both.test": ["::1", "127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
}


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer for the names above; everything else goes to the real resolver."""
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in NAMES:
            return real(host, port, *args, **kwargs)
        return [entry for text in NAMES[host] for entry in real(text, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:11434",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http://:11434",
        "http://a@b",
        "http://user:secret@127.0.0.1:11434",
        "http://@127.0.0.1",
        "http://127.0.0.1:11434/api",
        "http://127.0.0.1:11434/?x=1",
        "http://127.0.0.1:11434?",
        "http://127.0.0.1:11434#",
        "http://127.0.0.1:11434#part",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:port",
        "http://127.0.0.1\\@evil.test",
        "http://127.0.0.1:11434\n",
        "http://127.0.0.1 :11434",
        "http://①②⑦.0.0.1",
        "http://[::1",
        "http://\ud800",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_plain_origin_is_invalid(text: str) -> None:
    """A user, path, query, odd character or other scheme never reaches a resolver."""
    with pytest.raises(EndpointInvalid):
        parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost", "http://localhost:80"),
        ("https://localhost", "https://localhost:443"),
        ("http://LOCALHOST:11434/", "http://localhost:11434"),
        ("http://[::1]:11434", "http://[::1]:11434"),
    ],
)
def test_an_origin_is_normalised(text: str, url: str) -> None:
    """The port is explicit, the host lower-case, the trailing slash gone."""
    assert url == parse_endpoint(text).url


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:11434",
        "http://127.0.0.1:1",
        "http://127.1:11434",
        "http://0x7f000001:11434",
        "http://2130706433:11434",
        "http://017700000001:11434",
        "http://[::1]:11434",
        "http://[::ffff:127.0.0.1]:11434",
    ],
)
async def test_loopback_is_allowed_however_it_is_written_and_dialled_by_address(text: str) -> None:
    """The caller gets addresses of this machine, never the text again."""
    checked = await EndpointPolicy().check(text)

    assert checked.addresses
    for address in checked.addresses:
        assert address.startswith(("127.0.0.1:", "[::1]:", "[::ffff:7f00:1]:"))


@pytest.mark.parametrize(
    "text",
    [
        "http://10.0.0.1",
        "http://192.168.0.1:11434",
        "http://8.8.8.8",
        "http://0:11434",
        "http://0.0.0.0:11434",
        "http://[::]:11434",
        "http://169.254.169.254",
        "http://0xa9fea9fe",
        "http://[fe80::1]",
        "http://[ff02::1]",
        "http://[fd00:ec2::254]",
        "http://[::ffff:169.254.169.254]",
        "http://[::ffff:10.0.0.1]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[64:ff9b::7f00:1]",
        "http://[2002:a9fe:a9fe::1]",
        "http://[2002:7f00:1::]",
        "http://224.0.0.1",
        "http://metadata.test",
        "http://gpu.test:11434",
        "http://flip.test:11434",
        "http://rebound.test:11434",
        "http://no-such-name.invalid",
        "http://" + "a" * 300,
    ],
)
@pytest.mark.usefixtures("resolver")
async def test_what_is_neither_loopback_nor_configured_is_forbidden(text: str) -> None:
    """Every address of a name must be loopback; a wrapped one counts as what it wraps."""
    with pytest.raises(EndpointForbidden):
        await EndpointPolicy().check(text)


@pytest.mark.parametrize(
    "origin",
    [
        "http://169.254.169.254",
        "http://metadata.test",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[2002:a9fe:a9fe::1]",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]",
        "http://100.100.100.200",
        "http://rebound.test",
        "http://0.0.0.0",
    ],
)
@pytest.mark.usefixtures("resolver")
async def test_metadata_addresses_are_refused_even_when_configured(origin: str) -> None:
    """No operator's slip opens the way to a cloud's credentials."""
    with pytest.raises(EndpointForbidden):
        await EndpointPolicy([origin]).check(origin)


@pytest.mark.usefixtures("resolver")
async def test_a_configured_origin_is_dialled_at_its_checked_addresses() -> None:
    """Scheme, host and port must all match; then every address is handed on."""
    policy = EndpointPolicy(["http://gpu.test:11434", "http://flip.test"])

    checked = await policy.check("http://GPU.test:11434/")
    flipped = await policy.check("http://flip.test:80")

    assert ("10.1.2.3:11434",) == checked.addresses
    assert ("127.0.0.1:80", "10.1.2.3:80") == flipped.addresses
    for other in ("https://gpu.test:11434", "http://gpu.test:11435", "http://gpu.test"):
        with pytest.raises(EndpointForbidden):
            await policy.check(other)


@pytest.mark.usefixtures("resolver")
async def test_both_families_of_a_name_are_offered() -> None:
    """A server that listens on one family only is still found."""
    checked = await EndpointPolicy().check("http://both.test:11434")

    assert ("[::1]:11434", "127.0.0.1:11434") == checked.addresses


async def test_a_second_dns_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One check asks the resolver once, so what was checked is what will be dialled."""
    answers = iter(["127.0.0.1", "169.254.169.254"])

    async def answer(_loop: Any, _host: str, port: int, **_kwargs: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answer)

    checked = await EndpointPolicy().check("http://flips.test:9")

    assert ("127.0.0.1:9",) == checked.addresses
    with pytest.raises(EndpointForbidden):
        await EndpointPolicy().check("http://flips.test:9")


async def test_a_configured_name_without_an_address_is_unresolved() -> None:
    """The operator's own server is down, which is another matter than a forbidden one."""
    origin = "http://no-such-name.invalid:11434"

    with pytest.raises(EndpointUnresolved):
        await EndpointPolicy([origin]).check(origin)


def test_a_malformed_allow_list_is_refused_when_it_is_read() -> None:
    """The operator learns of it at the start, not in the first run."""
    with pytest.raises(EndpointInvalid):
        EndpointPolicy(["gpu.test:11434"])


async def test_the_model_server_that_the_environment_names_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever starts the service named it, which is as good as the allow-list."""
    monkeypatch.setenv("services__ollama__http__0", "http://192.0.2.7:11434")

    checked = await model_server_policy(ServiceSettings()).check("http://192.0.2.7:11434")

    assert ("192.0.2.7:11434",) == checked.addresses
    with pytest.raises(EndpointForbidden):
        await model_server_policy(ServiceSettings()).check("http://192.0.2.8:11434")
