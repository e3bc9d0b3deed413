"""What staff did, as words: the actions of the records."""

from __future__ import annotations

from bot.desk.words import say

READING = (
    "referral_read",
    "text_read",
    "number_read",
    "voice_opened",
    "voice_heard",
    "request_printed",
    "case_read",
    "sealed_opened",
    "files_searched",
    "phone_read",
)
ACCESS = (
    "signed_in", "sign_in_failed", "signed_out", "signed_out_everywhere", "second_factor_set", "second_factor_failed",
    "recovery_code_used", "recovery_codes_made", "password_set", "start_code_wrong", "sms_code_wrong",
)  # fmt: skip


def kinds() -> list[tuple[str, str]]:
    """The groups to choose from."""
    return [("reading", say("reading")), ("access", say("signing in")), ("acting", say("acting"))]


def action(code: str) -> str:
    """One record in words; the code itself where no word is known."""
    return {
        "referral_read": say("opened a request"),
        "text_read": say("read a protected text"),
        "case_read": say("read a file"),
        "files_searched": say("searched files by name"),
        "phone_read": say("opened the page of a phone"),
        "opt_out_noted": say("noted what is not sent any more"),
        "number_read": say("saw a phone number"),
        "voice_opened": say("opened a voice note"),
        "voice_heard": say("listened to a voice note"),
        "request_printed": say("prepared a request for printing"),
        "sealed_opened": say("opened what is sealed"),
        "sealed_shared": say("shared sealed requests with another reader"),
        "sealed_recovered": say("recovered sealed requests for a reader"),
        "recovery_set": say("set up the recovery of sealed requests"),
        "reader_key_made": say("made a key for sealed requests"),
        "passphrase_changed": say("changed the passphrase of a key"),
        "passphrase_wrong": say("wrong passphrase"),
        "key_unlocked": say("unlocked a key"),
        "signed_in": say("signed in"),
        "sign_in_failed": say("wrong password"),
        "signed_out": say("signed out"),
        "signed_out_everywhere": say("signed out everywhere"),
        "second_factor_set": say("set up the second factor"),
        "second_factor_failed": say("wrong code of the app"),
        "recovery_code_used": say("used a recovery code"),
        "recovery_codes_made": say("made new recovery codes"),
        "password_set": say("set a password"),
        "start_code_given": say("gave a start code"),
        "start_code_wrong": say("wrong start code"),
        "sms_code_wrong": say("wrong code by SMS from this person's number"),
        "staff_invited": say("invited somebody"),
        "staff_changed": say("changed somebody's role or offices"),
        "staff_reset": say("reset somebody's access"),
        "staff_left": say("ended somebody's access"),
        "staff_returned": say("brought somebody back"),
        "referral.accept": say("took a request on"),
        "referral.refuse": say("could not take a request"),
        "referral.postpone": say("asked for more time"),
        "referral.log_call": say("logged a call"),
        "referral.note": say("wrote a note"),
        "referral.set_code": say("set the code of the need"),
        "referral.close": say("closed a request"),
        "referral.reply": say("wrote to the person"),
        "referral.hand_over": say("handed a request over"),
        "referral.take_over": say("took a request over from a colleague"),
        "referral.set_level": say("changed the level of a request"),
        "referral.reopen": say("opened a request again"),
        "referral.undo": say("took a step back"),
        "referral.say_terms": say("wrote down how a person may be reached"),
        "referral.flag": say("set a reminder"),
        "referral.end_flag": say("ended a reminder"),
        "referral.consent_said": say("noted an answer about passing on"),
        "referral.withdraw_consent": say("noted that a consent is taken back"),
        "referral.without_asked": say("asked to act without a consent"),
        "referral.agree_without_consent": say("agreed to act without a consent"),
        "referral.leave_call_now": say("left “call you now?”"),
        "referral.withdraw_call_now": say("withdrew “call you now?”"),
        "case_unlocked": say("unlocked a file"),
        "duty_set": say("changed a duty list"),
        "shift_put": say("planned shifts"),
        "shift_dropped": say("took a shift out of the rota"),
        "absence_put": say("noted days away"),
        "absence_dropped": say("took days away out"),
        "alerts_chosen": say("chose where alerts go"),
        "email_proven": say("proved an e-mail address"),
        "message_again": say("sent a message again"),
        "message_left": say("left an unsure message"),
    }.get(code, code)
