"""What a conversation may ask about files, appointments and trainings: the look-ups of flows/data.yaml answered here."""

from bot.asking import Answers

ASKED: Answers = {}
