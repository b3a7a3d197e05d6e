"""The document of the agent protocol: its examples are messages, and its example backend works."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

import shared_models
from shared_models import WireModel, agent_protocol

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "agent-protocol.md").read_text("utf-8")
BLOCKS = re.findall(r"^```json(?: (\w+))?\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
METHOD_PARAMS: dict[str, type[WireModel]] = {
    "initialize": shared_models.InitializeParams,
    "samples": shared_models.SamplesParams,
}


@pytest.mark.parametrize(("name", "text"), BLOCKS)
def test_an_example_is_a_message(name: str, text: str) -> None:
    """Each JSON block names its model and is valid under it, field by field."""
    model: type[WireModel] = getattr(shared_models, name)
    message = model.model_validate_json(text)

    given = json.loads(text)
    if isinstance(message, shared_models.RpcRequest):
        METHOD_PARAMS[message.method].model_validate_json(json.dumps(message.params))
    written = json.loads(message.model_dump_json(exclude_unset=True))
    assert given == written


def test_every_message_has_an_example() -> None:
    """A stranger writes an agent from the document alone."""
    shown = {name for name, _ in BLOCKS}
    messages = {
        name
        for name, value in vars(agent_protocol).items()
        if isinstance(value, type)
        and issubclass(value, WireModel)
        and value.__module__.endswith("agent_protocol")
    }
    # Parts of others: a notification's parameters, a call of a sample, an error of a reply.
    assert messages - {"SamplesParams", "ModelCall", "RpcError"} == shown


def test_every_error_code_is_explained() -> None:
    """With its number, as it comes on the wire."""
    codes = [
        value
        for name, value in vars(agent_protocol).items()
        if name.isupper() and isinstance(value, int) and value < 0
    ]
    assert 10 == len(codes)
    for code in codes:
        assert f"−{-code}" in TEXT, code


@pytest.mark.parametrize("kind", get_args(agent_protocol.ErrorKind))
def test_every_kind_of_error_is_explained(kind: str) -> None:
    """`bridge-protocol` is the backend's own."""
    assert f"`{kind}`" in TEXT
