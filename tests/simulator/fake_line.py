"""A line of a few screens behind the real hooks: the gateways' own modules verify and parse, their libraries send.

It stands in for conversations, so that the simulator is tested for what the simulator does.
"""

import json
from dataclasses import dataclass, field
from threading import Thread
from types import SimpleNamespace

from flask import Flask, Response, request
from werkzeug.serving import make_server

from bot import simulator
from bot.config import ROOT
from bot.messages import Channel, Inbound, Outbound
from handlers.africastalking import AfricasTalking
from handlers.kannel import Kannel
from handlers.meta import Meta
from handlers.twilio import Twilio

MENU = "Bienvenue. C'est gratuit.\n1 Mon dossier\n2 Besoin d'aide\n3 Rappelez-moi\n5 Langue\n9 Parler en prive"
STATUS = "Nous preparons votre formation, depuis le 12/10. C'est plus long que d'habitude.\n1 Demander pourquoi\n0 Menu"
SCREENS = {  # screen, then what is typed: the next one; "" for anything else
    "menu": (MENU, {"1": "case", "9": "urgent"}),
    "case": ("Numero de dossier: 9 chiffres, ou les 3 derniers.\n00 Menu", {"": "code"}),
    "code": ("Code secret: 4 chiffres. La premiere fois: votre annee de naissance.\n00 Menu", {"": "choose"}),
    "choose": ("Choisissez un code secret de 4 chiffres.", {"": "again"}),
    "again": ("Encore une fois le meme code.", {"": "status"}),
    "status": (STATUS, {"1": "when"}),
    "urgent": ("C'est urgent, maintenant ?\n1 Oui\n2 Non\n0 Menu", {"": "when"}),
    "when": ("Peut-on appeler ce numero sans risque ?\n1 Oui, toujours\n2 Oui, le matin\n5 Non\n0 Menu", {"": "who"}),
    "who": ("Qui doit vous appeler ?\n1 Une femme\n2 Un homme\n0 Menu", {"": "end"}),
    "end": ("Merci. Nous appellerons le matin. Numero: 482-1737.", {}),
}
ALERT = "Maraba: CRITIQUE 482-1737, file B. Repondez OK 5093 avant 14:20. Sinon NON 5093."
TAKEN = "482-1737 est a vous. Ouvrez le bureau avant d'appeler. Premier appel avant 15:05, sinon le suivant est alerte."


@dataclass
class FakeLine:
    """The service: `url` is where it listens; `staff` is who is alerted; `seen` what the hooks understood."""

    settings: object
    database: object
    ciphers: object
    queue_client: object
    staff: str = ""
    seen: list = field(default_factory=list)
    states: dict = field(default_factory=dict)
    leaving: list = field(default_factory=list)

    def __post_init__(self):
        self.app = Flask("fake_line")
        self.gateways = {
            "africastalking": AfricasTalking(self.settings),
            "kannel": Kannel(self.settings),
            "meta": Meta(self.settings),
            "twilio": Twilio(self.settings),
        }
        self.app.add_url_rule("/hooks/<name>/<secret>/<kind>", "hook", self.hook, methods=["GET", "POST"])
        self.app.add_url_rule("/hooks/<name>/<kind>", "signed", self.hook, methods=["POST"])
        self.app.add_url_rule("/hooks/<name>", "bare", self.hook, methods=["POST"], defaults={"kind": ""})
        self.app.add_url_rule("/desk/static/maraba.css", "style", self.style)
        services = SimpleNamespace(
            settings=self.settings, database=self.database, ciphers=self.ciphers, queue_client=self.queue_client
        )
        simulator.register(self.app, services)

    def style(self):
        return Response((ROOT / "bot/desk/static/maraba.css").read_text(), content_type="text/css")

    def hook(self, name, kind, secret=None):
        gateway = self.gateways[name]
        gateway.verify(request, secret)
        events = gateway.parse(request, kind)
        self.seen += events
        text, final = None, False
        for event in [event for event in events if isinstance(event, Inbound) and event.channel is not Channel.VOICE]:
            text, final = self.turn(event)
            if event.channel is not Channel.USSD:
                self.later(gateway, event.channel, event.address, text)
                text = None
        answer = gateway.render(kind, text, final=final)
        answer.headers["X-Maraba-Trace"] = json.dumps(
            {
                "load_us": 190,
                "step_us": 60,
                "commit_us": 310,
                "before": "menu.start",
                "after": "menu.main",
                "effects": [],
            }
        )
        return answer

    def turn(self, event):
        if event.address == self.staff:
            return TAKEN, True
        key = (event.address, event.channel)
        typed = event.text.rsplit("*", 1)[-1]
        if not event.text or key not in self.states or typed.lower() == "bonjour":
            self.states[key] = "menu"
        else:
            ways = SCREENS[self.states[key]][1]
            self.states[key] = ways.get(typed, ways.get("", self.states[key]))
        text, ways = SCREENS[self.states[key]]
        if not ways:
            self.states.pop(key)
            if self.staff:
                self.later(self.gateways["africastalking"], Channel.SMS, self.staff, ALERT)
        return text, not ways

    def later(self, gateway, channel, to, text):
        thread = Thread(target=gateway.send, args=(Outbound("1", channel, to, text),))
        self.leaving.append(thread)
        thread.start()

    def settle(self):
        """Wait until everything has left."""
        for thread in self.leaving:
            thread.join(10)


def serve(line, port):
    """Start it on a port; returns the server, whose `shutdown` ends it."""
    server = make_server("127.0.0.1", port, line.app, threaded=True)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
