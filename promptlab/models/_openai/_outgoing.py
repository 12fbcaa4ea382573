"""The checks before text leaves for an API, at the one place where it leaves: the gate again, the scan and the
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
    """The checks of one model: the ledger, the rule of the scan, and the keys of all models of the workspace, which are
    never sent as text."""

    ledger: Ledger
    rule: ScanPolicy
    keys: tuple[str, ...] = field(default=(), repr=False)

    def checked(self, request: Request) -> Checked:
        """`request` as it may be sent. Raises `GateRefused` if the scan's rule refuses it."""
        return checked(request, self.rule, self.keys)

    def shown(self, request: Request) -> Request:
        """`request` as it would be sent, for a preview. A request that would be refused is shown unchanged."""
        if "mask" not in (self.rule.keys, self.rule.personal):
            return request  # only masks change a request, so nothing needs to be searched
        try:
            return self.checked(request).request
        except GateRefused:
            return request

    def leaving(self, request: Request, *, fingerprint: str, clearance: Label, masked: int) -> Leaving:
        """The ledger entry of a request that is about to be sent. Raises `GateRefused`: the entry says why the text may
        leave, so the gate is checked again here."""
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
    """One request that is about to be sent, with its ledger entry `what`."""

    ledger: Ledger
    what: SentRequest

    def now(self, attempt: int, *, url: str, asked: str, size: int, via: str) -> None:
        """Write to the ledger that an attempt is about to be sent to `url`. If this raises `StoreError`, nothing may be
        sent."""
        host = urlsplit(url).netloc.rpartition("@")[2]
        self.ledger.sent(replace(self.what, host=host, asked=asked, attempt=attempt, bytes=size, via=via))


__all__ = ["Leaving", "Outgoing"]
