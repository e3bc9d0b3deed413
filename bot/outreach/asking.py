"""What a conversation may ask about check-ins and numbers: the look-ups of flows/data.yaml answered here."""

from sqlalchemy import text

from bot.asking import Answers, Asking
from bot.engine.ports import Found
from bot.outreach.broadcasts_audience import ADULT
from bot.outreach.numbers import LIMITED_FOR, NOT_ASKED_AGAIN
from bot.outreach.pushing import NOT_BY_MACHINE

_CHECK_IN = text(
    """
    select check_ins.id from check_ins join cases on cases.id = check_ins.case_id and cases.stage = 'MONITORING'
    where cases.number = :number and check_ins.state = 'asked' and check_ins.since = cases.stage_since
    order by check_ins.week desc limit 1
    """
)
# a phone that the recorder has not written yet has no row; whether it has other files is asked of those who have
_NUMBER = text(
    """
    select cases.vulnerability = 'protection' or cases.stage = any(:never)
            or coalesce(:year - cases.year_of_birth < :adult, false) as by_staff,
        exists (select 1 from cases as other where other.contact_id = contacts.id) as taken,
        exists (select 1 from number_changes as change where change.case_id = cases.id
            and change.contact_id = contacts.id and change.state in ('new', 'doubted', 'joined')
            and (change.state <> 'joined' or change.at > :limited)) as limited,
        exists (select 1 from number_changes as change where change.case_id = cases.id
            and (change.state in ('new', 'doubted')
                or (change.contact_id = contacts.id and change.state in ('no', 'refused') and change.at > :lately)))
            as answered
    from cases left join contacts on contacts.digest = :digest
    where cases.number = :number
    """
)


def check_in(asking: Asking) -> Found:
    """Is one waiting for the answers of this person?"""
    found = asking.connection.scalar(_CHECK_IN, {"number": asking.values["case"]})
    return Found("none") if found is None else Found("due", {"checkin": str(found)})


def new_number(asking: Asking) -> Found:
    """Is whoever gave the code from another phone asked whether it is the new one? (bot/outreach/numbers.py)"""
    values = {
        "number": asking.values["case"],
        "digest": asking.digest,
        "never": sorted(NOT_BY_MACHINE - {"LOST_CONTACT"}),
        "year": asking.now.astimezone(asking.zone).year,
        "adult": ADULT,
        "limited": asking.now - LIMITED_FOR,
        "lately": asking.now - NOT_ASKED_AGAIN,
    }
    row = asking.connection.execute(_NUMBER, values).one_or_none()
    if row is None:
        return Found("none")
    if row.limited:
        return Found("limited")
    return Found("none" if row.by_staff or row.taken or row.answered else "ask")


ASKED: Answers = {"check_in": check_in, "new_number": new_number}
