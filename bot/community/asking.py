"""What a conversation may ask about communities, proposals, activities and groups: the look-ups of flows/data.yaml answered here."""

from bot.asking import Answers

ASKED: Answers = {}
