"""Who may see which referral: role, queue, office, seal. Who may not sees nothing that shows it exists (safety 19).

Two forms of one rule: `may_see` for a referral in hand, `visible` for every list, count, search and export;
`visible_messages`, `visible_files` and `visible_phones` are the rules for messages, files and phones.
Sources: safety 18 and 19.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, exists, false, func, not_, or_, select, true

from bot.store.models import (
    Alert,
    Case,
    CommitteeMember,
    Community,
    Contact,
    Message,
    MessageAlert,
    Project,
    Referral,
    Staff,
    Training,
)

QUEUES = ("protection", "gbv", "child", "sealed", "complaints", "assistance", "community")
CRITICAL_QUEUES = ("protection", "gbv", "child", "sealed")


@dataclass(frozen=True, slots=True)
class Role:
    """What a role serves by itself, and what it may serve when its queues say so."""

    usual: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    only_codes: frozenset[str] | None = None  # None: any
    own_cases: bool = False  # only referrals of cases of its own partner organisation


ROLES: dict[str, Role] = {
    "assistant": Role(frozenset({"assistance"}), frozenset({"community"})),
    "protection": Role(frozenset({"protection"}), frozenset({"child", "assistance", "community"})),
    "gbv_specialist": Role(frozenset({"gbv"}), frozenset({"child", "protection"})),
    "child_specialist": Role(frozenset({"child"}), frozenset({"protection"})),
    "psea_focal": Role(frozenset({"sealed"})),
    "complaints_officer": Role(frozenset({"complaints"})),
    "community_focal": Role(frozenset({"community"})),
    # sees counts, not protection content
    "coordinator": Role(frozenset({"complaints", "assistance", "community"})),
    # told of kits, of nothing else
    "partner": Role(frozenset({"assistance"}), only_codes=frozenset({"KIT"}), own_cases=True),
    "admin": Role(),
    "data_protection": Role(frozenset({"complaints"}), only_codes=frozenset({"PRV"})),
}

# a code that names its queue is seen by those who serve that queue alone, wherever the row stands
CODE_QUEUE = {"GBV": "gbv", "SEA": "sealed", "SUI": "protection"}
# Who must not see: binds even where staff set the code while the referral stood in another queue
HIDDEN_FROM: dict[str, frozenset[str]] = {
    code: frozenset({"partner", "assistant", "coordinator", "community_focal", "complaints_officer", "data_protection"})
    for code in ("MED", "MHP", "CHI", "TRF", "DET", "THR")
} | {"DEB": frozenset({"partner"})}
# in the queue of complaints, but about nobody of the office: an appeal, one's own data
NOT_ABOUT_STAFF = frozenset({"APL", "PRV"})

# Read people's files, with the name: of their offices; a partner those that it accompanies
SEE_FILES = frozenset({"assistant", "coordinator", "partner", "protection", "gbv_specialist", "child_specialist"})
# Whoever holds a start code chooses the secret code of the file: given by those who meet people for this office
OPEN_FILES = frozenset({"assistant", "coordinator", "protection"})
# Move files from stage to stage, as flows/process.yaml says where, and keep projects, trainings and kits
MOVE_FILES = frozenset({"assistant", "coordinator"})
# Note who was at a training and what a visit found: of the files that they may read
NOTE_PROGRESS = MOVE_FILES | {"partner"}
# Whether a file is flagged `protection` (domain rules: a partner must not see it; who follows projects need not)
SEE_FLAGS = frozenset({"protection", "gbv_specialist", "child_specialist"})

# see what the line costs, and what became of messages that belong to no request; never a text or a number
RUN_THE_LINE = frozenset({"coordinator", "admin"})

# write to whole groups of people; nobody's own broadcast leaves above a size before one of the others agreed
WRITE_BROADCASTS = frozenset({"coordinator"})
APPROVE_BROADCASTS = frozenset({"coordinator", "protection"})
READ_INDICATORS = frozenset({
    "coordinator", "protection", "gbv_specialist", "child_specialist", "complaints_officer", "community_focal", "psea_focal",
})  # fmt: skip


def serves(staff: Staff) -> frozenset[str]:
    """The queues of a person: what the role may serve, narrowed by the person's own list (empty: the usual ones)."""
    role = ROLES.get(staff.role)
    if role is None or not staff.active:
        return frozenset()
    return frozenset(staff.queues) & (role.usual | role.also) if staff.queues else role.usual


def queue_of(referral: Referral) -> str:
    """The queue whose people may see it: seal first, then what the code demands, then where it stands."""
    if referral.sealed or referral.queue == "sealed":
        return "sealed"
    return CODE_QUEUE.get(referral.code or "", referral.queue)


def may_see(staff: Staff, referral: Referral, *, case: Case | None = None) -> bool:
    """May this person know that the referral exists? `case` is the referral's own, where it has one.

    Without the case of a referral that has one, whoever belongs to a partner organisation is refused.
    """
    queue = queue_of(referral)
    role = ROLES.get(staff.role, Role())
    if queue not in serves(staff) or staff.role in HIDDEN_FROM.get(referral.code or "", frozenset()):
        return False
    if queue == "sealed":
        return True  # the focal points serve every office: they are outside the line of management
    if role.only_codes is not None and referral.code not in role.only_codes:
        return False
    if role.own_cases and not (case is not None and staff.partner and case.partner == staff.partner):
        return False
    if queue == "complaints" and referral.code not in NOT_ABOUT_STAFF:
        return not _accused(staff, referral, case)
    return not staff.offices or not referral.office or referral.office in staff.offices


def visible(staff: Staff) -> ColumnElement[bool]:
    """The same rule as a condition on `Referral`; put it in every query that a person's answer depends on."""
    queues = serves(staff)
    role = ROLES.get(staff.role, Role())
    if not queues:
        return false()
    code, queue = func.coalesce(Referral.code, ""), queue_rows()
    hidden = sorted(one for one, roles in HIDDEN_FROM.items() if staff.role in roles)
    rules: list[ColumnElement[bool]] = [queue.in_(sorted(queues)), code.not_in(hidden)]
    narrow: list[ColumnElement[bool]] = []
    if role.only_codes is not None:
        narrow.append(code.in_(sorted(role.only_codes)))
    if role.own_cases:
        narrow.append(_of_case(Case.partner == staff.partner) if staff.partner else false())
    narrow.append(_near_rows(staff))
    return and_(*rules, or_(queue == "sealed", and_(*narrow)))


def queue_rows() -> ColumnElement[str]:
    """`queue_of` as an expression on `Referral`."""
    code = func.coalesce(Referral.code, "")
    return case(
        (or_(Referral.sealed, Referral.queue == "sealed"), "sealed"),
        *((code == one, its) for one, its in CODE_QUEUE.items()),
        else_=Referral.queue,
    )


def counted(staff: Staff) -> ColumnElement[bool]:
    """Which requests the figures of this person count, as a condition on `Referral`. A sealed one never.

    The coordinator sees counts of every other queue, and none about complaints that may be about her; all others those
    of their own queues.
    """
    if not reads_indicators(staff):
        return false()
    near = _near_rows(staff) if staff.role == "coordinator" else visible(staff)
    return and_(queue_rows() != "sealed", near)


def works_here(staff: Staff) -> bool:
    """Anybody who has not left."""
    return staff.active


def sees_requests(staff: Staff) -> bool:
    """Can there be requests that this person may see?"""
    return bool(serves(staff))


def plans_rota(staff: Staff) -> frozenset[str]:
    """The queues whose rota this person plans: all but the sealed one, for the coordinator; that one, for its own."""
    if not staff.active:
        return frozenset()
    if staff.role == "coordinator":
        return frozenset(QUEUES) - {"sealed"}
    return serves(staff) & {"sealed"}


def plans_a_rota(staff: Staff) -> bool:
    """Is there one that this person plans?"""
    return bool(plans_rota(staff))


def reads_rota(staff: Staff) -> frozenset[str]:
    """The queues whose rota this person sees."""
    return serves(staff) | plans_rota(staff)


def sees_rota(staff: Staff) -> bool:
    """Is there a rota that this person sees?"""
    return bool(reads_rota(staff))


def runs_the_line(staff: Staff) -> bool:
    """May this person see costs, messages to people that belong to no request, and which systems have a key?"""
    return staff.active and staff.role in RUN_THE_LINE


def reads_messages(staff: Staff) -> bool:
    """Can there be messages that this person may know of?"""
    return runs_the_line(staff) or sees_requests(staff)


def visible_messages(staff: Staff) -> ColumnElement[bool]:
    """The rule as a condition on `Message`: one about a referral, or a digest of several, as if it were all of them.

    What belongs to none: to a person, for who runs the line; to staff, for its own recipient.
    """
    told = select(MessageAlert.message_id).where(MessageAlert.message_id == Message.id).correlate(Message)
    of = told.join(Alert, Alert.id == MessageAlert.alert_id).join(Referral, Referral.id == Alert.referral_id)
    about = select(Referral.id).where(Referral.id == Message.referral_id).correlate(Message)
    belongs = or_(Message.referral_id.is_not(None), exists(told))
    all_seen = and_(
        or_(Message.referral_id.is_(None), exists(about.where(visible(staff)))), ~exists(of.where(not_(visible(staff))))
    )
    alone = or_(
        Message.staff_id == staff.id,
        and_(Message.contact_id.is_not(None), true() if runs_the_line(staff) else false()),
    )
    return case((belongs, all_seen), else_=alone)


def sees_files(staff: Staff) -> bool:
    """Can there be files that this person may read?"""
    return staff.active and staff.role in SEE_FILES


def brings_files(staff: Staff) -> bool:
    """May this person import files of cases, and undo that? Who keeps the programme; of their own offices."""
    return staff.active and staff.role == "coordinator"


def opens_files(staff: Staff) -> bool:
    """May this person give start codes and lift locks, for the files that they may read?"""
    return staff.active and staff.role in OPEN_FILES


def moves_files(staff: Staff) -> bool:
    """May this person move files, and keep projects, trainings and kits, for the files that they may read?"""
    return staff.active and staff.role in MOVE_FILES


def notes_progress(staff: Staff) -> bool:
    """May this person note attendance and visits, for the files that they may read?"""
    return staff.active and staff.role in NOTE_PROGRESS


def keeps_places(staff: Staff) -> bool:
    """Who says where people are asked to come, and how many a day."""
    return staff.active and staff.role == "coordinator"


def sees_flags(staff: Staff) -> bool:
    """May this person read on a file that it is flagged?"""
    return staff.active and staff.role in SEE_FLAGS


def sees_phones(staff: Staff) -> bool:
    """Can there be phones of which this person may know?"""
    return sees_files(staff) or sees_requests(staff)


def visible_files(staff: Staff) -> ColumnElement[bool]:
    """The files of this person, as a condition on `Case`."""
    if not sees_files(staff):
        return false()
    rules: list[ColumnElement[bool]] = [Case.office.in_(staff.offices)] if staff.offices else []
    if staff.role == "partner":
        rules.append(and_(Case.partner == staff.partner, Case.partner != ""))
    return and_(true(), *rules)


def may_read(staff: Staff, case: Case) -> bool:
    """The same rule for a file in hand."""
    if not sees_files(staff) or (staff.offices and case.office not in staff.offices):
        return False
    return staff.role != "partner" or (case.partner != "" and case.partner == staff.partner)


def visible_places(staff: Staff, model: type[Project | Training]) -> ColumnElement[bool]:
    """Projects or trainings: those of one's offices; a partner's, its own."""
    if not sees_files(staff):
        return false()
    rules: list[ColumnElement[bool]] = [model.office.in_(staff.offices)] if staff.offices else []
    if staff.role == "partner":
        rules.append(and_(model.partner == staff.partner, model.partner != ""))
    return and_(true(), *rules)


def visible_phones(staff: Staff) -> ColumnElement[bool]:
    """A condition on `Contact`: the phones of the requests and files that this person may see."""
    of_requests = select(Referral.id).where(Referral.contact_id == Contact.id, visible(staff)).correlate(Contact)
    of_files = select(Case.id).where(Case.contact_id == Contact.id, visible_files(staff)).correlate(Contact)
    return or_(exists(of_requests), exists(of_files))


def in_committees(staff: Staff) -> bool:
    """May this person sit in the committee of a community?"""
    return staff.active and staff.role == "community_focal"


def founds_communities(staff: Staff) -> bool:
    """Who begins with a community and gives places in its committee."""
    return staff.active and staff.role == "coordinator"


def sees_communities(staff: Staff) -> bool:
    """Can there be communities of which this person reads proposals, activities and books?"""
    return in_committees(staff) or founds_communities(staff)


def visible_communities(staff: Staff) -> ColumnElement[bool]:
    """A condition on `Community`: those in whose committee one sits; the coordinator those of her offices."""
    if in_committees(staff):
        seats = select(CommitteeMember.community_id).where(CommitteeMember.staff_id == staff.id)
        return Community.id.in_(seats)
    if not founds_communities(staff):
        return false()
    return or_(Community.office == "", Community.office.in_(staff.offices)) if staff.offices else true()


def reads_indicators(staff: Staff) -> bool:
    """Who reads figures: the coordinator, and those who answer for a queue that is not everybody's."""
    return staff.active and staff.role in READ_INDICATORS


def counts_sealed(staff: Staff) -> bool:
    """Who sees how many sealed requests a month had, none under 5 (safety 18)."""
    return staff.active and staff.role in ("coordinator", "psea_focal")


def writes_broadcasts(staff: Staff) -> bool:
    """Who composes a broadcast, lets it go, pauses and cancels it."""
    return staff.active and staff.role in WRITE_BROADCASTS


def approves_broadcasts(staff: Staff) -> bool:
    """Who reads broadcasts and may be the second person that agrees."""
    return staff.active and staff.role in APPROVE_BROADCASTS


def reads_milestones(staff: Staff) -> bool:
    """Who reads how far the programme is: those who read files, for their offices; a partner knows its own files."""
    return sees_files(staff) and staff.role != "partner"


def manages_staff(staff: Staff) -> bool:
    """Who invites, resets and takes access away: an administrator, who reads no content."""
    return staff.active and staff.role == "admin"


def agrees_to_keys(staff: Staff) -> bool:
    """Who is the second person where an administrator lets another system read files."""
    return staff.active and staff.role == "coordinator"


def reads_sealed(staff: Staff) -> bool:
    """Who has a key of their own, for the sealed queue."""
    return "sealed" in serves(staff)


def searches_records(staff: Staff) -> bool:
    """Who reads what others read: the focal point for data protection; those of the sealed queue, for what is sealed."""
    return staff.active and staff.role in ("data_protection", "psea_focal")


def _accused(staff: Staff, referral: Referral, case: Case | None) -> bool:
    """A complaint about staff may be about anybody of its office or of the case's partner (safety 18)."""
    offices = {referral.office} | ({case.office} if case is not None else set())
    if offices & set(staff.offices):
        return True
    if not staff.partner or referral.case_id is None:
        return False
    return case is None or case.partner == staff.partner


def _accused_rows(staff: Staff) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [false()]
    if staff.offices:
        found += [Referral.office.in_(staff.offices), _of_case(Case.office.in_(staff.offices))]
    if staff.partner:
        found.append(_of_case(Case.partner == staff.partner))
    return or_(*found)


def _near_rows(staff: Staff) -> ColumnElement[bool]:
    """By office; complaints about staff by who they may be about."""
    about_staff = and_(queue_rows() == "complaints", func.coalesce(Referral.code, "").not_in(sorted(NOT_ABOUT_STAFF)))
    return case((about_staff, not_(_accused_rows(staff))), else_=_office_rows(staff))


def _office_rows(staff: Staff) -> ColumnElement[bool]:
    return or_(Referral.office == "", Referral.office.in_(staff.offices)) if staff.offices else true()


def _of_case(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(Case.id).where(Case.id == Referral.case_id, condition).correlate(Referral))
