"""Outreach: what we say first, without being asked: news of a stage, delays, check-ins, broadcasts."""
