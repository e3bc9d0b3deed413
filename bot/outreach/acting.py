"""What a conversation may order about check-ins and what we send: the acts of flows/data.yaml carried out here."""

from bot.acting import Acts

ACTS: Acts = {}
