"""Every error the service raises on purpose. Messages carry no phone number and no text of a person."""


class BotError(Exception):
    """Base of all of them."""


class ConfigError(BotError):
    """The settings can't be used; the message lists every fault at once."""


class FlowError(BotError):
    """A flow, a catalogue or a table in flows/ is wrong; the message has file, line and remedy."""


class WebhookError(BotError):
    """A hook request that is not handled; `status` is what its sender gets."""

    status = 400


class BadSignature(WebhookError):
    """Signature or secret do not fit."""

    status = 403


class BadPayload(WebhookError):
    """Fields are missing, repeated, too long or not what they should be."""

    status = 400


class RefusedForGood(BadPayload):
    """The same, answered 200 because its gateway repeats everything else."""

    status = 200


class Ignored(WebhookError):
    """Known and of no interest; answered 200 so that the gateway does not send it again."""

    status = 200


class Answered(WebhookError):
    """A request that is no conversation but wants these words back (Meta's check of our address)."""

    status = 200

    def __init__(self, body: str) -> None:
        super().__init__("answered")
        self.body = body


class StoreDown(BotError):
    """The conversation store did not answer or refused; nothing was half done."""


class TooManyRaces(StoreDown):
    """Eight tries met eight changes of the same address."""


class JournalFull(StoreDown):
    """The journal is too long and this turn may wait."""


class LookupAway(BotError):
    """PostgreSQL did not answer a lookup within its time."""


class SendError(BotError):
    """A gateway did not take a message.

    `retryable`: sending again later may help and can't send twice.
    `unknown`: the gateway may have taken it (read time-out); never repeated by itself, alerts excepted.
    `suppress`: the gateway says this recipient must not be written to any more.
    `account`: not this message but our account is refused (token, credit): the gateway is paused.
    `parts_taken`: parts of a long SMS that the gateway has from this call and earlier ones.
    """

    def __init__(
        self,
        code: str,
        *,
        retryable: bool = False,
        unknown: bool = False,
        suppress: bool = False,
        account: bool = False,
        retry_after: float | None = None,
        parts_taken: int = 0,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable
        self.unknown = unknown
        self.suppress = suppress
        self.account = account
        self.parts_taken = parts_taken
        self.retry_after = retry_after


class ReferralError(BotError):
    """A step on a referral that its state or the reader's role does not allow."""


class CaseError(BotError):
    """A step on a file, a project, a training, a kit or a visit that its rules do not allow; the message is a code."""


class CommunityError(BotError):
    """A step in a community's matters that its rules, its state or the reader's role do not allow; the message is a code."""
