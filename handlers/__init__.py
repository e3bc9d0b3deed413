"""One module a gateway: verify, parse, render, send. Nothing past it knows the gateway."""
