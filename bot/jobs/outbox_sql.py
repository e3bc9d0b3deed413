"""The few statements that carry the outbox: claim many, write down many. Everything else is the ORM's.

What holds here: a row is claimed by one worker; the messages of one contact leave in their order; an urgent kind
leaves before all others; a row whose gateway has no room now stays where it is. Whether the person of the file is
deceased is read as the row is claimed, so that nothing about the file leaves from then on.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.gate import WHATSAPP_WINDOW
from bot.kinds import RULES, Kind

# of one contact only the first that has not left: what is on its way, or due, or was put off, holds those behind it
_CLAIM = text("""
WITH held AS (
  SELECT * FROM unnest(CAST(:gateways AS text[]), CAST(:froms AS smallint[])) AS h(gateway, priority)
), due AS (
  SELECT found.id
  FROM unnest(CAST(:priorities AS smallint[])) AS p(priority)
  CROSS JOIN LATERAL (
    SELECT m.id FROM messages m
    WHERE m.state = 'queued' AND m.priority = p.priority AND m.due_at <= :at
      AND (m.expires_at IS NULL OR m.expires_at > :at)
      AND NOT EXISTS (SELECT 1 FROM held WHERE held.gateway = m.gateway AND m.priority >= held.priority)
      AND (m.contact_id IS NULL OR NOT EXISTS (
        SELECT 1 FROM messages e
        WHERE e.contact_id = m.contact_id AND (e.created_at, e.id) < (m.created_at, m.id)
          AND (e.state = 'sending' OR (
            e.state = 'queued' AND e.priority <= m.priority AND (e.due_at <= :at OR e.lease_until IS NOT NULL)))))
    ORDER BY m.due_at, m.id LIMIT :most FOR UPDATE SKIP LOCKED
  ) AS found
  LIMIT :most
), taken AS (
  UPDATE messages m SET state = 'sending', attempts = m.attempts + 1, lease_until = :lease
  FROM due WHERE m.id = due.id RETURNING m.*
)
SELECT t.id, t.kind, t.channel, t.gateway, t.contact_id, t.staff_id, t.referral_id, t.case_id, t.text_enc,
  t.template, t.parts_taken, t.question, t.expires_at, c.digest, c.number_enc, c.blocked, c.language, c.consent, c.texts,
  c.stopped || ARRAY(SELECT unnest(o.stopped) FROM opt_outs o WHERE o.contact_id = c.id AND o.told_at IS NULL)
    AS stopped, c.human_until, c.unreachable_at, c.silent_since,
  s.login, s.phone_enc, s.email_enc, s.active, r.private, r.sealed, r.minor, r.terms_enc,
  ARRAY(SELECT k.name FROM cases k WHERE k.contact_id = t.contact_id) AS names,
  CASE WHEN t.channel = 'whatsapp' THEN (
    SELECT max(n.at) FROM turns n
    WHERE n.contact_id = t.contact_id AND n.channel = 'whatsapp' AND n.kind = 'message' AND n.at > :yesterday
  ) END AS wrote_at,
  CASE WHEN t.kind <> 'alert' THEN true WHEN t.staff_id IS NULL THEN coalesce(r.state = 'new', false)
    ELSE EXISTS (SELECT 1 FROM message_alerts ma JOIN alerts a ON a.id = ma.alert_id
      WHERE ma.message_id = t.id AND a.open) END AS wanted,
  t.staff_id IS NULL AND EXISTS (
    SELECT 1 FROM cases d WHERE d.stage = 'DECEASED'
      AND (d.id = t.case_id OR (t.kind = ANY(CAST(:by_machine AS text[])) AND d.id = r.case_id))) AS deceased
FROM taken t LEFT JOIN contacts c ON c.id = t.contact_id LEFT JOIN staff s ON s.id = t.staff_id
  LEFT JOIN referrals r ON r.id = t.referral_id
ORDER BY t.priority, t.due_at, t.id
""")

_SENT = text("""
UPDATE messages m SET state = CASE WHEN m.state IN ('sending', 'queued', 'unknown') THEN 'sent' ELSE m.state END,
  reason = CASE WHEN m.state IN ('sending', 'queued', 'unknown') THEN '' ELSE m.reason END,
  gateway = v.gateway, external_id = nullif(v.external_id, ''), parts = v.parts, cost = v.cost, currency = v.currency,
  sent_at = :at
FROM unnest(CAST(:ids AS text[]), CAST(:gateways AS text[]), CAST(:external_ids AS text[]), CAST(:parts AS smallint[]),
  CAST(:costs AS numeric[]), CAST(:currencies AS text[])) AS v(id, gateway, external_id, parts, cost, currency)
WHERE m.id = v.id
""")

_OVERTAKEN = text("""
SELECT m.id FROM messages m JOIN delivery_reports d ON d.gateway = m.gateway
  AND (d.external_id = m.external_id OR d.message = m.id)
WHERE m.id = ANY(CAST(:ids AS text[]))
""")

_EXPIRE = text("""
UPDATE messages SET state = 'expired', reason = 'too_old', settled_at = :at
WHERE id IN (SELECT id FROM messages WHERE state = 'queued' AND expires_at <= :at LIMIT :most FOR UPDATE SKIP LOCKED)
""")


def claim(
    session: Session,
    at: datetime,
    *,
    kinds: Collection[Kind],
    most: int,
    lease: timedelta,
    held: Mapping[str, tuple[int, float]],
) -> Sequence[Mapping[str, Any]]:
    """Due rows of these kinds, now `sending`, the most urgent first; `held` as bot.gate.Pace tells it."""
    values = {
        "at": at,
        "lease": at + lease,
        "yesterday": at - WHATSAPP_WINDOW,
        "most": most,
        "priorities": sorted({RULES[kind].priority for kind in kinds}),
        "gateways": list(held),
        "froms": [priority for priority, _ in held.values()],
        "by_machine": [kind for kind, rule in RULES.items() if rule.opt_out],
    }
    return cast(Sequence[Mapping[str, Any]], session.execute(_CLAIM, values).mappings().all())


def write_sent(session: Session, rows: Sequence[Mapping[str, Any]], at: datetime) -> list[str]:
    """They left: id, gateway, external_id, parts, cost, currency. Returns the ids that a report may have overtaken."""
    columns = {f"{name}s": [row[name] for row in rows] for name in ("id", "gateway", "external_id", "cost")}
    columns |= {"parts": [row["parts"] for row in rows], "currencies": [row["currency"] for row in rows]}
    session.execute(_SENT, {**columns, "at": at})
    return list(session.scalars(_OVERTAKEN, {"ids": columns["ids"]}))


def expire(session: Session, at: datetime, *, most: int) -> int:
    """What would be wrong by now never leaves; returns how many ended."""
    return int(session.execute(_EXPIRE, {"at": at, "most": most}).rowcount)  # type: ignore[attr-defined]
