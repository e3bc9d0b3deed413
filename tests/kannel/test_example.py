"""The configuration that operators copy: Kannel knows every word of it."""

import re
import socket
import subprocess

import pytest

from handlers.kannel import FIELDS, Kannel
from tests.kannel.boxes import EXAMPLE, groups, listens
from tests.machine import KANNEL, eventually, own_network

TEXT = EXAMPLE.read_text()


def of(name):
    return [group for group in groups(TEXT) if group.startswith(f"group = {name}\n")]


def value(group, key):
    return re.search(rf"^{key} = \"?([^\"\n]*)", group, re.MULTILINE)[1]


def test_the_address_for_messages_has_every_field_that_the_hook_reads():
    [service] = of("sms-service")
    fields = dict(pair.split("=") for pair in value(service, "get-url").partition("?")[2].split("&"))
    assert fields.keys() >= FIELDS["message"]
    assert fields["text"] == "%b", "as it was written, double spaces and all"


def test_kannel_tries_as_long_as_we_remember():
    [box] = of("smsbox")
    assert int(value(box, "http-request-retry")) * int(value(box, "http-queue-delay")) == Kannel.resends_for


def test_every_operator_has_numbers_of_its_own():
    prefixes = [prefix for group in of("smsc") for prefix in value(group, "allowed-prefix").split(";")]
    assert len(of("smsc")) == len({value(group, "smsc-id") for group in of("smsc")}) == 4
    assert not [(one, two) for one in prefixes for two in prefixes if one is not two and one.startswith(two)]


@pytest.mark.kannel
def test_both_boxes_start_with_it_and_dial_the_operators(tmp_path):
    text = TEXT.replace("/var/lib/kannel", str(tmp_path)).replace("/var/log/kannel", str(tmp_path))
    text = re.sub(r"CHANGE-ME-[A-Z]+-HOST", "127.0.0.1", text)
    (tmp_path / "kannel.conf").write_text(text)
    for name in ("messages", "reports"):
        (tmp_path / name).mkdir()
    boxes = []
    with own_network(), socket.create_server(("127.0.0.1", 2775)) as operator, (tmp_path / "out").open("ab") as out:
        operator.settimeout(20)
        try:
            for name, port in (("bearerbox", 13001), ("smsbox", 13013)):
                command = [f"{KANNEL[name]}/{name}", "-v", "4", "kannel.conf"]
                boxes.append(subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out))
                eventually(lambda port=port: listens(port), within=30)
            calls = [operator.accept()[0] for _ in of("smsc")]
            binds = [call.recv(4) and call.recv(1000) for call in calls]
            for call in calls:
                call.close()
            assert {int.from_bytes(bind[:4]) for bind in binds} == {9}, "bind_transceiver of SMPP"
            assert [box.poll() for box in boxes] == [None, None]
        finally:
            for box in reversed(boxes):
                box.kill()
                box.wait(10)
    assert "PANIC" not in (tmp_path / "out").read_text()
