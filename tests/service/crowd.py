"""Two hundred people in the middle of a menu, patient and forgetful as people are: who is cut off dials again."""

import random
import threading
import time
from dataclasses import dataclass, field

from tests.service.running import tickets

KEYS = ("2", "5", "3")  # I need help, safety, stuck on the road: critical, alerted at once


@dataclass
class Crowd:
    """What the people saw. `shown`: ticket numbers on a screen. `sms`: ids of SMS that were acknowledged."""

    service: object
    people: int
    seed: int
    pause: tuple[float, float] = (0.5, 2.5)
    shown: dict[str, float] = field(default_factory=dict)
    cut_off: int = 0
    texted: list[str] = field(default_factory=list)
    lost: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self):
        for number in range(self.people):
            thread = threading.Thread(target=self._live, args=(number, random.Random(self.seed * 1000 + number)))
            thread.start()
            self.threads.append(thread)

    def join(self, seconds):
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self.threads), "somebody still waits for a screen"

    def _live(self, number, chance):
        phone = f"+2279622{number:04d}"
        if number % 10 == 0:
            self._texts(phone, number)
            return
        for _ in range(60):
            ticket = self._dials(phone, chance)
            if ticket:
                self.shown[ticket] = time.time()
                return
            self.cut_off += 1
            time.sleep(chance.uniform(0.5, 1.5))
        self.lost += 1

    def _texts(self, phone, number):
        """An SMS: the gateway repeats it until it is taken."""
        if self.service.africastalking.sms(phone, "RAPPEL", external_id=f"crowd-{self.seed}-{number}").status == 200:
            self.texted.append(phone)
        else:
            self.lost += 1

    def _dials(self, phone, chance):
        call = self.service.africastalking.dial(phone)
        for _ in range(12):
            text = call.screen.text
            if call.screen.status != 200 or call.screen.ended:
                return ""
            found = tickets(text)
            if found:
                return found[0]
            time.sleep(chance.uniform(*self.pause))
            call.answer(_key(text))
        return ""


def _key(text):
    """What this person presses: the way to "stuck on the road", whatever screen comes."""
    if "1 Francais" in text:
        return "1"
    if "1 Mon dossier" in text:
        return "2"
    if "1 Continuer" in text:
        return "2"
    if "Besoin de quoi" in text:
        return "5"
    if "1 Menaces" in text:
        return "3"
    return "1"
