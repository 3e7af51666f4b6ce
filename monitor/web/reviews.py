"""People's queue over HTTP, with a reviewer's token: list, claim, answer."""

from __future__ import annotations

from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fallback.agreement import Counted
from fallback.errors import LeaseLost, UnknownReview
from fallback.reviews import Settled
from monitor.errors import RunError, UsageError
from monitor.operating.review_words import result
from monitor.operating.reviewing import ReviewExpired
from monitor.web.replies import json_reply, words_reply
from monitor.web.tokens import Bearer

__all__ = ["ANSWER", "CLAIM", "MOST_SHOWN", "REVIEWS", "ReviewAnswer", "ReviewClaim", "Reviews"]

REVIEWS: Final = "/api/v1/reviews"
CLAIM: Final = "/api/v1/reviews/claim"
ANSWER: Final = "/api/v1/reviews/answer"
MOST_SHOWN: Final = 100
_Name = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\S", description="Who you are.")]


class ReviewClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for the most urgent `n` that nobody looks at."""

    reviewer: _Name
    n: Annotated[int, Meta(ge=1, le=MOST_SHOWN)] = 1


class ReviewAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says of a request that they have claimed; saying it again changes nothing."""

    decision_id: Annotated[str, Meta(min_length=1, max_length=256)]
    reviewer: _Name
    answer: Annotated[str, Meta(min_length=1, max_length=1000)] | float
    unlisted: Annotated[bool, Meta(description="It is right although the model has no such class.")] = False


class _Desk(Protocol):
    """What is asked of the queue (`monitor.operating.review_desk.ReviewDesk`)."""

    def waiting(self, limit: int) -> dict[str, object]: ...
    def claim(self, reviewer: str, n: int) -> dict[str, object]: ...
    def answer(
        self, decision_id: str, reviewer: str, said: str | float, *, unlisted: bool
    ) -> tuple[Settled | Counted, bool]: ...


class Reviews:
    """Checks who asks, and hands it to the queue; what waits holds what events hold, so nothing is shown without.

    Parameters
    ----------
    tokens
        The operator's and the reviewers'.
    desk
        The queue; None, and there is none here.
    why
        Why there is none.
    """

    def __init__(self, tokens: Bearer, desk: _Desk | None, why: str = "") -> None:
        self._tokens, self._desk = tokens, desk
        self._why = why or "set `state_dir`, where it is kept, and `reviews.depth` above 0"

    def waiting(self, request: Request) -> Response:
        """List what waits; runs in a worker thread."""
        desk = self._open(request)
        if isinstance(desk, Response):
            return desk
        limit = request.query_params.get("limit", str(MOST_SHOWN))
        if not limit.isdecimal() or not 1 <= int(limit[:9]) <= MOST_SHOWN:
            return words_reply(400, f"`limit` is {limit[:20]!r}; it is a number from 1 to {MOST_SHOWN}.")
        try:
            return json_reply(200, desk.waiting(int(limit)))
        except RunError as error:
            return _failed(error)

    async def claim(self, request: Request) -> Response:
        """Take items under a lease."""
        desk = self._open(request)
        if isinstance(desk, Response):
            return desk
        try:
            asked = msgspec.json.decode(await request.body(), type=ReviewClaim)
            return json_reply(200, await run_in_threadpool(desk.claim, asked.reviewer, asked.n))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return words_reply(400, f"Nothing is claimed: {error}.")
        except RunError as error:
            return _failed(error)

    async def answer(self, request: Request) -> Response:
        """Answer an item."""
        desk = self._open(request)
        if isinstance(desk, Response):
            return desk
        try:
            said = msgspec.json.decode(await request.body(), type=ReviewAnswer)
            settled, new = await run_in_threadpool(
                desk.answer, said.decision_id, said.reviewer, said.answer, unlisted=said.unlisted
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, UsageError) as error:
            return words_reply(400, f"This is no answer: {error}.")
        except RunError as error:
            return _failed(error)
        return json_reply(200, result(settled, new=new))

    def _open(self, request: Request) -> _Desk | Response:
        """The queue, or why it is shut for this request."""
        if not self._tokens.possible:
            return words_reply(403, "Nobody may see the queue here: `security.reviewers_token_file` is not set.")
        if not self._tokens.admits(request):
            return words_reply(401, "The reviewer's token is missing or wrong.", **{"www-authenticate": "Bearer"})
        if self._desk is None:
            return words_reply(503, f"There is no queue here: {self._why}.")
        return self._desk


def _failed(error: RunError) -> Response:
    """What became of it, by what the queue had against it."""
    if isinstance(error, ReviewExpired):
        return words_reply(410, f"{error}.")
    cause = error.__cause__
    status = 404 if isinstance(cause, UnknownReview) else 409 if isinstance(cause, LeaseLost) else 503
    return words_reply(status, f"{error}.")
