"""A desk with two years behind it: 50 staff, 100,000 requests (`make country`) of which 1,500 are open, and what is theirs."""

from datetime import datetime

from sqlalchemy import select, text

from bot.engine.effects import Terms
from bot.referrals.terms import write_terms
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Referral
from tests.machine import COUNTRY

REQUESTS, OPEN, STAFF = COUNTRY, 1_500, 50
OFFICES = ("Agadez", "Niamey", "Tahoua", "Zinder")

# n grows with time: the last 1,500 are open, one every ten minutes and a half. Shares of queues as in a week of the line.
SEED = """
INSERT INTO staff (login, name, role, offices, active)
SELECT 'staff' || n, 'Staff ' || n, CASE WHEN n % 10 < 6 THEN 'assistant' ELSE 'protection' END,
       ARRAY[(ARRAY['Agadez', 'Niamey', 'Tahoua', 'Zinder'])[1 + n % 4]], true
FROM generate_series(1, :staff) n;
INSERT INTO contacts (digest, number_enc, language)
SELECT left(md5('c' || n), 16), '\\x00', 'ha' FROM generate_series(1, :requests / 5) n;
INSERT INTO cases (number, name, sex, language, region, department, office, partner, stage, opened_on, stage_since, contact_id)
SELECT lpad(n::text, 9, '0'), 'Name ' || n, 'M', 'ha', 'Zinder', '', 'Zinder', 'P' || n % 3, 'KIT_READY', '2025-01-01',
       '2025-01-01', (SELECT min(id) FROM contacts) + n FROM generate_series(1, :requests / 6) n;
INSERT INTO referrals (id, ticket, opened_at, source, code, level, queue, private, sealed, channel, language, contact_id,
                       case_id, office, state, accepted_by, accepted_at, first_attempt_at, closed_at, outcome)
SELECT md5(n::text), lpad(n::text, 7, '0'), :now - (:requests - n) * interval '10.5 minutes', 'menu', code,
       CASE WHEN kind < 3 THEN 'critical' WHEN kind < 6 THEN 'high' ELSE 'normal' END,
       CASE WHEN kind < 5 THEN 'protection' WHEN kind = 5 THEN 'gbv' WHEN kind = 6 THEN 'child' WHEN kind = 7 THEN 'complaints'
            WHEN kind = 8 THEN 'sealed' WHEN kind = 9 THEN 'community' ELSE 'assistance' END,
       kind = 1, kind = 8, 'ussd', 'ha', (SELECT min(id) FROM contacts) + n % (:requests / 5),
       CASE WHEN n % 3 = 0 THEN (SELECT min(id) FROM cases) + n % (:requests / 6) END,
       (ARRAY['Agadez', 'Niamey', 'Tahoua', 'Zinder'])[1 + n / 7 % 4],
       CASE WHEN n <= :requests - :open THEN 'closed' WHEN n % 3 = 0 THEN 'new' ELSE 'accepted' END,
       CASE WHEN n <= :requests - :open OR n % 3 > 0 THEN (SELECT min(id) FROM staff) + n % :staff END,
       CASE WHEN n <= :requests - :open OR n % 3 > 0 THEN opened + (n % 50) * interval '1 minute' END,
       CASE WHEN n <= :requests - :open THEN opened + (n % 90) * interval '1 minute' END,
       CASE WHEN n <= :requests - :open THEN opened + (n % 300) * interval '1 hour' END,
       CASE WHEN n <= :requests - :open THEN (ARRAY['helped', 'advised', 'not_reached', 'referred'])[1 + n % 4] END
FROM (SELECT n, n % 20 AS kind, (ARRAY['KIT', 'TRA', 'DLY', NULL])[1 + n % 4] AS code,
             :now - (:requests - n) * interval '10.5 minutes' AS opened FROM generate_series(1, :requests) n) made;
INSERT INTO tickets (number, referral_id, issued_at) SELECT ticket, id, opened_at FROM referrals;
INSERT INTO ladders (referral_id, rung, due_at)
SELECT id, 1, CASE WHEN state = 'closed' THEN NULL ELSE :now + interval '9 minutes' END FROM referrals;
INSERT INTO referral_events (referral_id, at, kind, detail)
SELECT id, opened_at + step * interval '5 minutes', (ARRAY['opened', 'alerted', 'accepted', 'noted'])[step], '{}'
FROM referrals, generate_series(1, 4) step;
INSERT INTO alerts (referral_id, staff_id, rung, code, told_at, open)
SELECT id, (SELECT min(id) FROM staff) + ('x' || left(id, 4))::bit(16)::int % :staff, 1, '5093', opened_at, state = 'new'
FROM referrals;
INSERT INTO messages (id, kind, channel, gateway, staff_id, referral_id, state, reason, created_at, due_at, sent_at, parts,
                      cost, currency)
SELECT id, 'alert', 'sms', 'africastalking', (SELECT min(id) FROM staff), id,
       CASE WHEN left(id, 1) = 'a' THEN 'failed' ELSE 'delivered' END, '', opened_at, opened_at, opened_at, 1, 18, 'XOF'
FROM referrals;
INSERT INTO messages (id, kind, channel, gateway, contact_id, state, created_at, due_at, sent_at, parts, cost, currency)
SELECT md5('r' || id), 'receipt', 'sms', 'africastalking', contact_id, 'delivered', opened_at, opened_at, opened_at, 1, 18, 'XOF'
FROM referrals;
INSERT INTO message_alerts (message_id, alert_id) SELECT referral_id, id FROM alerts;
INSERT INTO audit (staff_id, at, action, subject)
SELECT (SELECT min(id) FROM staff), opened_at, 'referral_read', 'referral:' || id FROM referrals;
"""


def fill(database: Database, ciphers: Ciphers, now: datetime) -> None:
    """All of it, the last request at `now`; takes some twenty seconds. The terms of open requests are as people give them."""
    values = {"now": now, "requests": REQUESTS, "open": OPEN, "staff": STAFF}
    with database.transaction() as session:
        for statement in SEED.split(";\n"):
            if statement.strip():
                used = {name: value for name, value in values.items() if f":{name}" in statement}
                session.execute(text(statement), used)
        windows = ("morning", "evening", "afternoon", "any")
        for place, one in enumerate(session.scalars(select(Referral).where(Referral.state != "closed"))):
            write_terms(one, Terms(may_call=place % 5 > 0, window=windows[place % 4]), ciphers=ciphers)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
