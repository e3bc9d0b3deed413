"""Maraba: the line that people who came home can dial, text or WhatsApp, and the desk that answers."""
