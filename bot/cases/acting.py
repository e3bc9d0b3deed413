"""What a conversation may order about files, appointments and trainings: the acts of flows/data.yaml carried out here."""

from bot.acting import Acts

ACTS: Acts = {}
