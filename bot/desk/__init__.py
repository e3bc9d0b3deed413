"""The desk: what staff see and do, under /desk. `register(app, services)` adds it to an application."""

from __future__ import annotations

from flask import Flask

from bot.desk import (
    guarding,
    lean,
    sign_in,
    views_account,
    views_activities,
    views_alerts,
    views_appointments,
    views_broadcast_steps,
    views_broadcasts,
    views_case,
    views_cases,
    views_communities,
    views_consent,
    views_contact,
    views_data,
    views_find,
    views_flags,
    views_groups,
    views_handing,
    views_indicators,
    views_messages,
    views_milestones,
    views_outreach,
    views_process,
    views_projects,
    views_proposals,
    views_queues,
    views_records,
    views_referral,
    views_reply,
    views_rota,
    views_sealed,
    views_service,
    views_sign_in,
    views_staff,
    views_steps,
    views_tensions,
    views_today,
    views_tokens,
    views_trainings,
)
from bot.desk.blueprint import blueprint
from bot.desk.services import Clock, Desk, Services, utc_now

__all__ = ["blueprint", "register"]

# Imported for what they do: each puts its pages into the blueprint.
VIEWS = (
    lean,
    views_appointments,
    views_rota,
    views_alerts,
    views_sign_in,
    views_today,
    views_queues,
    views_find,
    views_case,
    views_cases,
    views_process,
    views_projects,
    views_trainings,
    views_contact,
    views_data,
    views_service,
    views_messages,
    views_outreach,
    views_indicators,
    views_referral,
    views_steps,
    views_reply,
    views_handing,
    views_flags,
    views_consent,
    views_account,
    views_staff,
    views_records,
    views_tokens,
    views_sealed,
    views_broadcasts,
    views_broadcast_steps,
    views_milestones,
    views_communities,
    views_tensions,
    views_proposals,
    views_groups,
    views_activities,
)


def register(app: Flask, services: Services, *, clock: Clock = utc_now) -> None:
    """Add /desk to `app`: its session rules, its CSRF check (for /desk alone, hooks have their own proofs), its pages."""
    app.secret_key = services.settings.secret_key.get_secret_value()
    desk = Desk(services, clock)
    app.extensions["maraba_desk"] = desk
    sign_in.prepare(app, desk)
    guarding.prepare(app)
    app.register_blueprint(blueprint)
