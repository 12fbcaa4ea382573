"""What is done before text leaves for an API, at the one place where it leaves: the gate once more, the scan, and the
ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from promptlab import workspace
from promptlab.errors import GateRefused
from promptlab.models._openai._scan import Checked, checked
from promptlab.types import Label, Request
from promptlab.workspace import Ledger, ScanPolicy, SentRequest


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What watches over the text that leaves a workspace for one model: the ledger, the rule of the scan, and the keys
    of all models of the workspace, which are never sent as text."""

    ledger: Ledger
    rule: ScanPolicy
    keys: tuple[str, ...] = field(default=(), repr=False)

    def checked(self, request: Request) -> Checked:
        """`request` as it may be sent. Raises `GateRefused` where the scan's rule refuses it."""
        return checked(request, self.rule, self.keys)

    def shown(self, request: Request) -> Request:
        """`request` as it would be sent, for a preview: one that would be refused is shown as it is."""
        try:
            return self.checked(request).request
        except GateRefused:
            return request

    def leaving(self, request: Request, *, fingerprint: str, clearance: Label, masked: int) -> Leaving:
        """A request that is to be sent. Raises `GateRefused`: why it may leave is written down, so it is looked at."""
        label = workspace.label_of_prompt(request.prompt)
        if not workspace.cleared_models(label, {request.model: clearance}):
            workspace.check_gate(request.prompt, model=request.model, clearance=clearance)
        sources = request.prompt.sources
        template = next((source.name for source in sources if source.section == "layout" and source.name), "")
        first = SentRequest(
            host="",
            model=request.model,
            asked="",
            template=template,
            label=label,
            clearance=clearance,
            request=request.key(fingerprint),
            attempt=1,
            bytes=0,
            masked=masked,
        )
        return Leaving(self.ledger, first)


@dataclass(frozen=True, slots=True)
class Leaving:
    """One request on its way out."""

    ledger: Ledger
    what: SentRequest

    def now(self, attempt: int, *, url: str, asked: str, size: int, via: str) -> None:
        """Write down that a try is about to go out to `url`. Raises `StoreError`; nothing may be sent then."""
        host = urlsplit(url).netloc.rpartition("@")[2]
        self.ledger.sent(replace(self.what, host=host, asked=asked, attempt=attempt, bytes=size, via=via))


__all__ = ["Leaving", "Outgoing"]
