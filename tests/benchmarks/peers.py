"""What the service is measured against: Flask views that do less, on the same stores."""

import os

import redis
from flask import Flask, Response, request

from bot.store.wire import Script, Wire

SESSION, MARK, ENTRY = (b"x" * int(size) for size in os.environ.get("BENCH_BYTES", "150,150,400").split(","))
WRITE = Script("""
redis.call('SET', KEYS[1], ARGV[1], 'EX', 3600)
redis.call('SET', KEYS[2], ARGV[2], 'EX', 600)
redis.call('XADD', KEYS[3], '*', 'e', ARGV[3])
return 1
""")
SCREEN = "CON Bienvenue. C'est gratuit.\n1 Mon dossier\n2 Besoin d'aide\n3 Rappelez-moi\n5 Langue\n9 Parler en prive"


def constant() -> Flask:
    """(a) A view that returns a constant."""
    app = Flask(__name__, static_folder=None)

    @app.post("/hooks/africastalking/<secret>/ussd")
    def hook(secret: str) -> Response:
        return Response(SCREEN, content_type="text/plain; charset=utf-8")

    return app


def two_trips() -> Flask:
    """(b) A view that does two round trips, with the client of the service, and writes the same bytes."""
    app = Flask(__name__, static_folder=None)
    wire = Wire(os.environ["MARABA_REDIS_URL"], timeout=0.5)

    @app.post("/hooks/africastalking/<secret>/ussd")
    def hook(secret: str) -> Response:
        form = request.form
        key = "{s00}b:" + form["phoneNumber"]
        wire.call("MGET", key, key + "m", key + "c")
        wire.run(WRITE, [key, key + form["text"], "{s00}bj"], [SESSION, MARK, ENTRY])
        return Response(SCREEN, content_type="text/plain; charset=utf-8")

    return app


def plain_recipe() -> Flask:
    """(c) What is usually done: redis-py, GET, SET EX."""
    app = Flask(__name__, static_folder=None)
    client = redis.Redis.from_url(os.environ["MARABA_REDIS_URL"])

    @app.post("/hooks/africastalking/<secret>/ussd")
    def hook(secret: str) -> Response:
        key = "b:" + request.form["phoneNumber"]
        client.get(key)
        client.set(key, SESSION, ex=3600)
        return Response(SCREEN, content_type="text/plain; charset=utf-8")

    return app
