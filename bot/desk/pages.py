"""Who may open which page and take which step: the one table that the desk enforces and docs/access.md shows.

Two doors, and nobody passes the second without the first. Here stands the door of the role. Where `of` names
something, the page then shows only what the reader may see of it (`bot.referrals.access`): a query of the view, the
same for what is hidden and for what never was (safety 19).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bot.referrals import access
from bot.store.models import Staff

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """`may`: the role's door. `of`: requests, messages, phones or files, of which the reader sees some; "" for none."""

    may: Callable[[Staff], bool] = access.works_here
    of: str = ""
    signed_in: bool = True


OPEN = Rule(signed_in=False)
STAFF = Rule()
REQUESTS = Rule(access.sees_requests, "requests")
ROTA = Rule(access.sees_rota)
PLANS_ROTA = Rule(access.plans_a_rota, "shifts")
MESSAGES = Rule(access.reads_messages, "messages")
LINE = Rule(access.runs_the_line)
FILES = Rule(access.sees_files, "files")
MOVING = Rule(access.moves_files, "files")
PROGRESS = Rule(access.notes_progress, "files")
BRINGING = Rule(access.brings_files, "imports")
OPENING = Rule(access.opens_files, "files")
PHONES = Rule(access.sees_phones, "phones")
SEALED = Rule(access.reads_sealed)
BROADCASTS = Rule(access.approves_broadcasts)
BROADCASTING = Rule(access.writes_broadcasts)
A_BROADCAST = Rule(access.approves_broadcasts, "broadcasts")  # of the own offices
OWN_BROADCAST = Rule(access.writes_broadcasts, "broadcasts")
PEOPLE = Rule(access.manages_staff)
COMMUNITIES = Rule(access.sees_communities, "communities")
FOUNDS = Rule(access.founds_communities, "communities")

PAGES: dict[str, Rule] = {
    "desk.static": OPEN,
    "desk.sign_in": OPEN,
    "desk.second_step": OPEN,  # for whom the password let through so far, as the next one
    "desk.set_second_factor": OPEN,
    "desk.start": OPEN,
    "desk.change_language": OPEN,
    "desk.sign_out": STAFF,
    "desk.account": STAFF,
    "desk.choose_alerts": STAFF,
    "desk.give_email": STAFF,
    "desk.prove_email": STAFF,
    "desk.new_recovery_codes": STAFF,
    "desk.end_session": STAFF,
    "desk.end_everywhere": STAFF,
    "desk.today": STAFF,
    "desk.queues": STAFF,
    "desk.find": STAFF,
    "desk.referral": REQUESTS,
    "desk.accept": REQUESTS,
    "desk.refuse": REQUESTS,
    "desk.log_call": REQUESTS,
    "desk.note": REQUESTS,
    "desk.call_now": REQUESTS,
    "desk.set_code": REQUESTS,
    "desk.close": REQUESTS,
    "desk.preview_reply": REQUESTS,
    "desk.send_reply": REQUESTS,
    "desk.hand_over": REQUESTS,
    "desk.take_over": REQUESTS,
    "desk.set_level": REQUESTS,
    "desk.reopen": REQUESTS,
    "desk.undo": REQUESTS,
    "desk.say_terms": REQUESTS,
    "desk.put_flag": REQUESTS,
    "desk.end_flag": REQUESTS,
    "desk.note_consent": REQUESTS,
    "desk.withdraw_consent": REQUESTS,
    "desk.act_without": REQUESTS,
    "desk.agree_without": REQUESTS,
    "desk.print_request": REQUESTS,
    "desk.read_text": REQUESTS,
    "desk.read_number": REQUESTS,
    "desk.open_voice": REQUESTS,
    "desk.play_voice": REQUESTS,
    "desk.open_sealed": Rule(access.reads_sealed, "requests"),
    "desk.reader_key": SEALED,
    "desk.make_reader_key": SEALED,
    "desk.change_passphrase": SEALED,
    "desk.unlock_key": SEALED,
    "desk.lock_key": SEALED,
    "desk.share_sealed": SEALED,
    "desk.rota_page": ROTA,
    "desk.note_away": ROTA,
    "desk.drop_away": ROTA,
    "desk.shift": PLANS_ROTA,
    "desk.drop_shift": PLANS_ROTA,
    "desk.undo_rota": ROTA,
    "desk.messages": MESSAGES,
    "desk.send_again": MESSAGES,
    "desk.leave_message": MESSAGES,
    "desk.case": FILES,
    "desk.cases": FILES,
    "desk.appointment_list": FILES,
    "desk.mark_appointment": PROGRESS,
    "desk.propose_appointment": PROGRESS,
    "desk.move_appointment": PROGRESS,
    "desk.cancel_appointment": PROGRESS,
    "desk.place_list": Rule(access.keeps_places),
    "desk.partners": FILES,
    "desk.move_case": MOVING,
    "desk.undo_move": MOVING,
    "desk.settle_proposal": MOVING,
    "desk.told_person": MOVING,
    "desk.review_case": MOVING,
    "desk.follow_case": MOVING,
    "desk.order_kit": MOVING,
    "desk.step_kit": MOVING,
    "desk.plan_visit": PROGRESS,
    "desk.note_visit": PROGRESS,
    "desk.project_list": FILES,
    "desk.project": FILES,
    "desk.add_member": MOVING,
    "desk.drop_member": MOVING,
    "desk.move_project": MOVING,
    "desk.training_list": FILES,
    "desk.training": FILES,
    "desk.enrol_case": MOVING,
    "desk.withdraw_case": MOVING,
    "desk.mark_day": PROGRESS,
    "desk.unlock_case": OPENING,
    "desk.give_start_code": OPENING,
    "desk.contact": PHONES,
    "desk.read_phone_number": PHONES,
    "desk.note_opt_out": PHONES,
    "desk.broadcasts": BROADCASTS,
    "desk.new_broadcast": BROADCASTING,
    "desk.broadcast": A_BROADCAST,
    "desk.edit_broadcast": OWN_BROADCAST,
    "desk.test_broadcast": A_BROADCAST,
    "desk.hand_in_broadcast": OWN_BROADCAST,
    "desk.approve_broadcast": A_BROADCAST,
    "desk.send_back_broadcast": A_BROADCAST,
    "desk.pause_broadcast": OWN_BROADCAST,
    "desk.resume_broadcast": OWN_BROADCAST,
    "desk.cancel_broadcast": OWN_BROADCAST,
    "desk.milestones": Rule(access.reads_milestones, "figures"),
    "desk.data_page": FILES,
    "desk.export_files": FILES,
    "desk.bring_file": BRINGING,
    "desk.data_import": BRINGING,
    "desk.understand_file": BRINGING,
    "desk.order_import": BRINGING,
    "desk.import_faults": BRINGING,
    "desk.communities": COMMUNITIES,
    "desk.found_community": Rule(access.founds_communities),
    "desk.community": COMMUNITIES,
    "desk.seat": FOUNDS,
    "desk.unseat": FOUNDS,
    "desk.answer_tensions": COMMUNITIES,
    "desk.write_proposal": COMMUNITIES,
    "desk.proposal": COMMUNITIES,
    "desk.comment_proposal": COMMUNITIES,
    "desk.found_group": COMMUNITIES,
    "desk.group": COMMUNITIES,
    "desk.change_group": COMMUNITIES,
    "desk.give_group_code": COMMUNITIES,
    "desk.set_member_role": COMMUNITIES,
    "desk.lock_member_out": COMMUNITIES,
    "desk.set_goal": COMMUNITIES,
    "desk.take_payment_back": COMMUNITIES,
    "desk.begin_activity": COMMUNITIES,
    "desk.activity": COMMUNITIES,
    "desk.add_day": COMMUNITIES,
    "desk.change_places": COMMUNITIES,
    "desk.write_down": COMMUNITIES,
    "desk.keep_attendance": COMMUNITIES,
    "desk.close_activity": COMMUNITIES,
    "desk.outreach": FILES,
    "desk.note_attempt": MOVING,
    "desk.declare_lost": MOVING,
    "desk.review_lost": MOVING,
    "desk.confirm_number": OPENING,
    "desk.refuse_number": OPENING,
    "desk.change_number": OPENING,
    "desk.costs": LINE,
    "desk.indicators": Rule(access.reads_indicators, "figures"),
    "desk.service": LINE,
    "desk.settings": PEOPLE,
    "desk.search_records": Rule(access.searches_records),
    "desk.people": PEOPLE,
    "desk.token_page": LINE,
    "desk.make_token": PEOPLE,
    "desk.agree_to_token": Rule(access.agrees_to_keys, "keys"),
    "desk.revoke_token": Rule(access.runs_the_line, "keys"),
    "desk.invite": PEOPLE,
    "desk.person": PEOPLE,
    "desk.reset": PEOPLE,
    "desk.leave": PEOPLE,
    "desk.bring_back": PEOPLE,
}


def opens(endpoint: str, staff: Staff | None) -> bool:
    """Does the role's door open? `staff` None: nobody signed in. A page without a rule opens for nobody."""
    rule = PAGES.get(endpoint)
    if rule is None:
        log.error("page_without_rule", endpoint=endpoint, remedy="say in bot/desk/pages.py who may open it")
        return False
    return rule.may(staff) if staff is not None else not rule.signed_in
