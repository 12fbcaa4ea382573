"""The drafts of a workspace as one tab of the browser shows and changes them; see `tabs`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promptlab.ui.state.drafts import Draft, Drafts, after_saving
from promptlab.ui.state.tabs import OwnDraft, View, carry_over, same_content, this_tab

OWN = "own"
"""The folder, beside the shared drafts, of drafts that a tab keeps for itself."""


class TabDrafts(Drafts):
    """The drafts of a workspace as the tab whose page is drawn shows them. Outside of a page: the shared ones."""

    def load(self, template: str) -> Draft:
        view = self._view(template)
        return view.draft if view else super().load(template)

    def shared(self, template: str) -> Draft:
        """The draft that all tabs share."""
        return super().load(template)

    def show(self, page: str, template: str, file: str | None, own: str = "") -> View:
        """What this tab shows of a template whose file has the text `file`.

        It stays as it is while the page shows the template. `own` is the id of a draft of this tab's own, after a
        reload.
        """
        tab = this_tab()
        if tab is None:
            return View(self.shared(template), file)
        tab.leave((page, template))
        if template not in tab.views:
            view = View(self.shared(template), file)
            for found in self.others(template) if own else ():
                if found.id == own:
                    view = View(found.draft, file, found.id, found.base)
            tab.views[template] = view
        return tab.views[template]

    def shown_file(self, template: str, file: str | None) -> str | None:
        """The text of the file that this tab shows; `file` if it shows none."""
        view = self._view(template)
        return view.file if view else file

    def forget(self, template: str) -> None:
        """Show the template anew the next time, unless this tab has a draft of its own."""
        view, tab = self._view(template), this_tab()
        if tab and view and not view.own:
            del tab.views[template]

    def file_written(self, template: str, file: str | None) -> None:
        """Show the text `file`, which this tab wrote to the file of the template."""
        view = self._view(template)
        if view:
            view.file = file

    def adopt(self, template: str, draft: Draft, file: str | None, *, drop: Iterable[str] = ()) -> None:
        """Make `draft` the shared one and what this tab shows, and forget the own drafts with the ids `drop`."""
        with self._lock:
            shared = self.shared(template)
            draft = draft.model_copy(update={"revision": max(shared.revision, draft.revision) + 1})
            if not same_content(shared, draft) or shared.valid != draft.valid:
                self._write(draft)
            tab = this_tab()
            view = tab.views.get(template) if tab else None
            for own in {*drop, *((view.own,) if view else ())} - {""}:
                self._own_path(template, own).unlink(missing_ok=True)
            if tab:
                tab.views[template] = View(draft, file)

    def part_ways(self, mine: Draft, base: Draft, file: str | None) -> View:
        """A view of a draft of this tab's own, kept in a file."""
        view = View(mine, file)
        view.part_ways(base)
        with self._lock:
            self._keep_own(mine.template, view)
        return view

    def others(self, template: str) -> list[OwnDraft]:
        """The drafts that tabs keep for themselves, oldest first, without that of this tab."""
        view = self._view(template)
        found = []
        for path in self._folder.glob(f"{OWN}/{self._path(template).stem}.*.json"):
            with contextlib.suppress(OSError, ValueError):
                found.append(OwnDraft.model_validate_json(path.read_bytes()))
        mine = view.own if view else ""
        found = [own for own in found if own.id != mine and own.draft.template == template]
        return sorted(found, key=lambda own: own.changed)

    def saved(self, template: str, was: Draft, text: str, file: str | None) -> Draft:
        """As `Drafts.saved`, for the shared draft and for what this tab shows."""
        with self._lock:
            shared, view = self.shared(template), self._view(template)
            left = Draft.model_validate({**shared.model_dump(), **after_saving(shared, was, text, file)})
            if not same_content(shared, left):
                self._write(left.model_copy(update={"revision": shared.revision + 1}))
            if view is None:
                return left
            fields = after_saving(view.draft, was, text, file)
            view.draft = Draft.model_validate({**view.draft.model_dump(), **fields})
            view.file = file
            self._keep_own(template, view)
            return view.draft

    def reset(self, template: str) -> Draft:
        draft = super().reset(template)
        view = self._view(template)
        if view and view.own:
            self._rejoin(template, view)
        return draft

    def _change(self, now: Draft, fields: Mapping[str, Any]) -> Draft:
        view = self._view(now.template)
        if view is None:
            return super()._change(now, fields)
        shared = self.shared(now.template)
        after = Draft.model_validate({**now.model_dump(), **fields, "revision": max(now.revision, shared.revision) + 1})
        joined = None if view.own else carry_over(now, after, shared)
        if joined is not None:
            valid = {**joined.valid, **after.valid} if not same_content(joined, after) else after.valid
            self._write(joined.model_copy(update={"revision": after.revision, "valid": valid}))
        elif not view.own:
            view.part_ways(now)
        view.draft = after
        self._keep_own(now.template, view)
        return after

    def _keep_own(self, template: str, view: View) -> None:
        """Write the tab's own draft to its file, until it is the same as the shared one again."""
        if not view.own:
            return
        if same_content(view.draft, self.shared(template)):
            self._rejoin(template, view)
            return
        changed = datetime.now(UTC).isoformat(timespec="seconds")
        own = OwnDraft(id=view.own, draft=view.draft, base=view.base or view.draft, changed=changed)
        self._write_file(self._own_path(template, view.own), template, own.model_dump())

    def _rejoin(self, template: str, view: View) -> None:
        self._own_path(template, view.own).unlink(missing_ok=True)
        view.own, view.base = "", None

    def _view(self, template: str) -> View | None:
        tab = this_tab()
        return tab.views.get(template) if tab else None

    def _own_path(self, template: str, own: str) -> Path:
        return self._folder / OWN / f"{self._path(template).stem}.{own}.json"


__all__ = ["TabDrafts"]
