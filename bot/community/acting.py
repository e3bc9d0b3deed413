"""What a conversation may order about communities, proposals, activities and groups: the acts of flows/data.yaml carried out here."""

from bot.acting import Acts

ACTS: Acts = {}
