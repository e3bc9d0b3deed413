"""Days that come with a file or from another system: many at once become appointments, by a few statements.

The columns `next_appointment` and `appointment_place` of the cases have just been written; here they become
appointments, or are put back. A day that a file named before is stale once it was moved, missed or kept at the line or
the desk: it changes nothing. A file without a day takes off only what a file had set.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.cases.appointments import LIVE, REMIND_AT, REMIND_DAYS
from bot.cases.place_names import KINDS, WITHOUT_TRIP

ROOM = {"home": 6, "phone": 30}  # people a day, until somebody says otherwise at the desk; elsewhere 20

_KIND = "case {} else 'other' end".format(
    " ".join(f"when n.words = '{prefix}' or n.words like '{prefix} %' then '{kind}'" for prefix, kind in KINDS.items())
)
_PREFIX = " ".join(f"when '{kind}' then '{prefix}'" for prefix, kind in KINDS.items() if kind in WITHOUT_TRIP)
_WANTED = f"""
  wanted as (
    select n.*, k.kind, case k.kind {_PREFIX} else n.words end as name,
      case when k.kind in ('{WITHOUT_TRIP[0]}', '{WITHOUT_TRIP[1]}')
        then ltrim(substr(n.words, length(case k.kind {_PREFIX} end) + 1)) else '' end as detail
    from (
      select c.id, c.office, c.region, c.stage, c.next_appointment as day,
        coalesce(nullif(btrim(c.appointment_place), ''), 'Office ' || c.office) as words
      from cases c where c.number = any(:numbers)
    ) n cross join lateral (select {_KIND} as kind) k
  )
"""  # noqa: S608 - our own table of names
_PLACES = text(f"""
  with {_WANTED}
  insert into places (office, name, kind, region, capacity)
  select distinct on (w.office, w.name) w.office, w.name, w.kind, w.region,
    case w.kind when 'home' then {ROOM["home"]} when 'phone' then {ROOM["phone"]} else 20 end
  from wanted w where w.day is not null order by w.office, w.name
  on conflict (office, name) do nothing
""")  # noqa: S608
_LIVE = "state in ({})".format(", ".join(f"'{one}'" for one in LIVE))
# the live appointment that a new day of the file takes the place of, or that the file takes off
_END = text(f"""
  with {_WANTED}, ended as (
    update appointments a
    set state = case when w.day is null then 'CANCELLED' else 'MOVED' end, remind_at = null
    from wanted w
    where a.case_id = w.id and a.{_LIVE} and (
      (w.day is null and a.by = 'import')
      or (w.day is not null and a.day <> w.day
        and (:again or not exists (select 1 from appointments k where k.case_id = w.id and k.day = w.day))))
    returning a.id, a.state
  ), noted as (
    insert into appointment_events (appointment_id, at, by, from_state, to_state)
    select id, :at, 'import', 'PROPOSED', state from ended
  )
  update messages m set state = 'withheld', reason = 'moved', settled_at = :at
  from ended e where m.kind = 'reminder' and m.state = 'queued' and m.question->'values'->>'appointment_id' = e.id::text
""")  # noqa: S608
_ADD = text(f"""
  with {_WANTED}
    insert into appointments (case_id, place_id, detail, day, purpose, state, by, at, moved_from, remind_at)
    select w.id, p.id, w.detail, w.day,
      case when w.stage in ('KIT_READY', 'KIT_PREPARATION') then 'kit' when w.stage like 'TRAINING%' then 'training'
        when w.stage = 'WAITING_DOCUMENT' then 'document' when w.kind = 'phone' then 'call' else 'visit' end,
      'PROPOSED', 'import', :at,
      (select max(o.id) from appointments o where o.case_id = w.id),
      (select min(t.at) from (
        select (w.day - d + cast(:hour as time)) at time zone :zone as at from unnest(cast(:days as integer[])) d
      ) t where t.at > :at)
    from wanted w join places p on p.office = w.office and p.name = w.name
    where w.day is not null
      and not exists (
        select 1 from appointments k where k.case_id = w.id and (k.{_LIVE} or (k.day = w.day and not :again)))
""")  # noqa: S608
# the same day elsewhere
_RELOCATE = text(f"""
  with {_WANTED}, gone as (
    update appointments a set place_id = p.id, detail = w.detail
    from wanted w join places p on p.office = w.office and p.name = w.name
    where a.case_id = w.id and a.{_LIVE} and a.day = w.day and (a.place_id, a.detail) <> (p.id, w.detail)
    returning a.id, a.state, p.name
  )
  insert into appointment_events (appointment_id, at, by, from_state, to_state, detail)
  select id, :at, 'import', state, state, jsonb_build_object('place', name) from gone
""")  # noqa: S608
_COPY = text(f"""
  update cases c set next_appointment = k.day, appointment_place = coalesce(k.words, '')
  from cases o left join lateral (
    select s.day, s.words from (
      select a.day, a.state, rtrim(p.name || ' ' || a.detail) as words
      from appointments a join places p on p.id = a.place_id where a.case_id = o.id and a.state <> 'MOVED'
      order by (a.{_LIVE}) desc, a.day desc, a.id desc limit 1
    ) s where s.state not in ('ATTENDED', 'CANCELLED')
  ) k on true
  where c.id = o.id and o.number = any(:numbers)
    and (c.next_appointment is distinct from k.day or c.appointment_place <> coalesce(k.words, ''))
""")  # noqa: S608

_FORGET = text("""
  delete from appointments a using cases c
  where c.id = a.case_id and c.number = any(:numbers) and a.by = 'import' and a.state = 'PROPOSED'
    and a.moved_from is null and not exists (select 1 from appointment_events e where e.appointment_id = a.id)
""")


def imported(
    session: Session, numbers: list[str], *, at: datetime, again: bool = False, zone: str = "Africa/Niamey"
) -> None:
    """Make the appointments of the cases with these numbers as their columns say; 2,000 at a time take about 0.1 s.

    Neither notice, calendar nor room is asked for: whoever keeps the file has agreed on the day. Doing it twice
    changes nothing. `again`: the columns were put back (an import is undone), so a day that was there before counts.
    """
    values = {"numbers": numbers, "at": at, "zone": zone, "hour": REMIND_AT, "days": list(REMIND_DAYS), "again": again}
    for statement in (_PLACES, _RELOCATE, _END, _ADD, _COPY):
        session.execute(statement, values)
    session.expire_all()


def forget(session: Session, numbers: list[str]) -> None:
    """Take away what only a file had made and nobody touched: before cases that an import had added are taken out."""
    session.execute(_FORGET, {"numbers": numbers})
