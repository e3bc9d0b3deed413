"""The other side of the gateways: the real client libraries post here, and get what the real ones would answer.

Development only and for clients on this machine only. What is sent lands on the phones of the simulator.
"""

import hmac
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Response, jsonify, make_response, request

from bot.config import Settings
from bot.simulator.shelf import Shelf
from bot.simulator.standin_meta import Meta

PRICE = 16  # XOF a segment: invented
MOST_RECIPIENTS = 100


def create(settings: Settings, shelf: Shelf) -> Blueprint:
    """The routes of the gateways."""
    routes = Blueprint("simulator_gateway", __name__, url_prefix="/simulator/gateway")
    routes.before_request(_loopback_only)
    africastalking = _AfricasTalking(settings, shelf)
    twilio = _Twilio(settings, shelf)
    routes.add_url_rule("/africastalking/version1/messaging", "africastalking", africastalking.send, methods=["POST"])
    kannel = _Kannel(settings, shelf)
    routes.add_url_rule("/kannel/cgi-bin/sendsms", "kannel", kannel.send, methods=["POST"])
    meta = Meta(settings, shelf)
    routes.add_url_rule("/meta/<version>/<number>/messages", "meta", meta.send, methods=["POST"])
    path = "/twilio/2010-04-01/Accounts/<account>/Messages.json"
    routes.add_url_rule(path, "twilio", twilio.send, methods=["POST"])
    routes.add_url_rule(path, "twilio_list", twilio.list, methods=["GET"])
    routes.add_url_rule(path.replace("Messages", "Calls"), "twilio_calls", twilio.calls, methods=["GET"])
    return routes


def is_down(shelf: Shelf) -> bool:
    """Whether somebody switched the gateways off."""
    return bool(shelf.get("switches").get("down"))


def _loopback_only() -> Response | None:
    try:
        here = ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        here = False
    if here and "X-Forwarded-For" not in request.headers:
        return None
    return make_response("Not found", 404)


class _AfricasTalking:
    def __init__(self, settings: Settings, shelf: Shelf) -> None:
        self._key = settings.africastalking_api_key.get_secret_value()
        self._username = settings.africastalking_username
        self._shelf = shelf

    def send(self) -> Response:
        if is_down(self._shelf):
            return make_response("Internal Server Error", 500)
        known = hmac.compare_digest(request.headers.get("apiKey", "").encode(), self._key.encode())
        if not known or request.form.get("username") != self._username:
            return make_response("The supplied authentication is invalid", 401)
        numbers = [number for number in request.form.get("to", "").split(",") if number][:MOST_RECIPIENTS]
        text = request.form.get("message", "")
        taken = [self._take(number, text) for number in numbers]
        sent = sum(one["statusCode"] == 101 for one in taken)
        message = f"Sent to {sent}/{len(taken)} Total Cost: XOF {sent * PRICE}.0000"
        return make_response(jsonify({"SMSMessageData": {"Message": message, "Recipients": taken}}), 201)

    def _take(self, number: str, text: str) -> dict[str, Any]:
        if not (number.startswith("+") and number[1:].isdecimal() and text):
            refusal = {"statusCode": 403, "status": "InvalidPhoneNumber", "messageId": "None", "cost": "0"}
            return {"number": number, **refusal}
        identity = "ATXid_" + secrets.token_hex(16)
        self._shelf.add(
            "message", gateway="africastalking", channel="sms", phone=number, text=text, external_id=identity
        )
        cost = f"XOF {PRICE}.0000"
        return {"number": number, "statusCode": 101, "status": "Success", "messageId": identity, "cost": cost}


class _Kannel:
    """sendsms. A long text shows on its phone once all parts are there, as on a real one."""

    def __init__(self, settings: Settings, shelf: Shelf) -> None:
        self._username = settings.kannel_username
        self._password = settings.kannel_password.get_secret_value()
        self._shelf = shelf

    def send(self) -> Response:
        if is_down(self._shelf):
            return make_response("Temporal failure, try again later.", 503)
        given = request.headers.get("X-Kannel-Password", "")
        known = hmac.compare_digest(given.encode(), self._password.encode())
        if not known or request.headers.get("X-Kannel-Username") != self._username:
            return make_response("Authorization failed for sendsms", 403)
        number = request.headers.get("X-Kannel-To", "")
        if not (number.startswith("+") and number[1:].isdecimal()):
            return make_response("Number(s) has/have been denied by white- and/or black-lists.", 400)
        self._take(number, request.get_data().decode())
        return make_response("0: Accepted for delivery", 202)

    def _take(self, number: str, text: str) -> None:
        asked = dict(parse_qsl(urlsplit(request.headers.get("X-Kannel-DLR-Url", "")).query))
        identity, header = asked.get("m", ""), bytes.fromhex(request.headers.get("X-Kannel-UDH", ""))
        parts = header[4] if header else 1
        if header:
            place = f"kannel:{identity}"
            there = {**self._shelf.get(place, number), str(header[5]): text}
            self._shelf.put(place, there, number)
            if len(there) < parts:
                return
            text = "".join(there[str(part)] for part in range(1, parts + 1))
        kept = {"phone": number, "text": text, "external_id": identity, "parts": parts}
        self._shelf.add("message", gateway="kannel", channel="sms", **kept)


class _Twilio:
    def __init__(self, settings: Settings, shelf: Shelf) -> None:
        self._account = settings.twilio_account_sid
        self._token = settings.twilio_auth_token.get_secret_value()
        self._shelf = shelf

    def send(self, account: str) -> Response:
        if is_down(self._shelf):
            return _twilio_error(503, 20503, "Service unavailable")
        if not self._known(account):
            return _twilio_error(401, 20003, "Authenticate")
        form = request.form
        if not form.get("To"):
            return _twilio_error(400, 21604, "A 'To' phone number is required")
        if not any(form.get(name) for name in ("Body", "MediaUrl", "ContentSid")):
            return _twilio_error(400, 21619, "A text message body or media urls must be specified")
        if len(form.get("Body", "")) > 1600:
            return _twilio_error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        identity = "SM" + secrets.token_hex(16)
        channel = "whatsapp" if form["To"].startswith("whatsapp:") else "sms"
        self._shelf.add(
            "message",
            gateway="twilio",
            channel=channel,
            phone=form["To"].removeprefix("whatsapp:"),
            text=form.get("Body", "") or form.get("ContentVariables", ""),
            external_id=identity,
        )
        row = _twilio_row(self._account, identity, form["To"], form.get("From", ""), form.get("Body", ""))
        return make_response(jsonify({**row, "status": "queued", "direction": "outbound-api"}), 201)

    def list(self, account: str) -> Response:
        """What was sent to us through Twilio, unanswered hooks included: how a service catches up."""
        if is_down(self._shelf):
            return _twilio_error(503, 20503, "Service unavailable")
        if not self._known(account):
            return _twilio_error(401, 20003, "Authenticate")
        rows = []
        for event in reversed(self._shelf.since()):
            form = dict(event.what.get("form", ()))
            if event.what["kind"] == "turn" and event.what.get("gateway") == "twilio":
                row = _twilio_row(self._account, form["MessageSid"], form["To"], form["From"], form["Body"])
                moment = format_datetime(datetime.fromtimestamp(event.what["at"] / 1000, UTC))
                rows.append({**row, "status": "received", "direction": "inbound", "date_sent": moment})
        page = {"messages": rows, "page": 0, "page_size": 50, "next_page_uri": None, "uri": request.path}
        return make_response(jsonify(page), 200)

    def calls(self, account: str) -> Response:
        """None: the simulator's phones ring the line through Africa's Talking."""
        if not self._known(account):
            return _twilio_error(401, 20003, "Authenticate")
        return make_response(jsonify({"calls": [], "page": 0, "page_size": 50, "next_page_uri": None}), 200)

    def _known(self, account: str) -> bool:
        given = request.authorization
        if given is None or given.type != "basic":
            return False
        fits = hmac.compare_digest((given.password or "").encode(), self._token.encode())
        return fits and given.username == self._account == account


def _twilio_row(account: str, identity: str, to: str, sender: str, body: str) -> dict[str, Any]:
    now = format_datetime(datetime.now(UTC))
    path = f"/2010-04-01/Accounts/{account}/Messages/{identity}"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": body,
        "date_created": now,
        "date_sent": None,
        "date_updated": now,
        "error_code": None,
        "error_message": None,
        "from": sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": identity,
        "subresource_uris": {"media": path + "/Media.json"},
        "to": to,
        "uri": path + ".json",
    }


def _twilio_error(status: int, code: int, message: str) -> Response:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return make_response(jsonify(body), status)
