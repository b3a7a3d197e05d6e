"""Choosing a file of prompts: a button, what the file held, and a way back."""

from nicegui import ui
from nicegui.events import UploadEventArguments

from comparison import PromptList, PromptsInvalid, parse_prompts

from .elements import Text, box


class PromptFile:
    """Holds the prompts of the chosen file; None when the prompt of the form is meant."""

    def __init__(self) -> None:
        self.prompts: PromptList | None = None
        with box("field"):
            Text("Prompt file", classes="field-label")
            with box("prompt-file"):
                # The library's own uploader is a table of files; one button is enough here.
                self._upload = ui.upload(on_upload=self._take, auto_upload=True).mark("prompts")
                self._upload.classes("visually-hidden").props('accept=".jsonl,.json,.txt"')
                self._choose = ui.button("Choose a file", on_click=self._pick, color=None)
                self._choose.props("unelevated no-caps").classes("button-plain")
                self._clear = ui.button("Remove", on_click=self._drop, color=None)
                self._clear.props("unelevated no-caps").classes("button-plain")
            self._said = Text(tag="p", classes="hint").mark("prompts-said")
        self._drop()

    def _pick(self) -> None:
        self._upload.run_method("pickFiles")

    def _drop(self) -> None:
        self.prompts = None
        self._upload.reset()
        self._clear.set_visibility(False)
        self._said.show("JSON lines: prompt, and expected_tokens if you know them")

    async def _take(self, event: UploadEventArguments) -> None:
        name = event.file.name
        try:
            self.prompts = parse_prompts(await event.file.read(), name=name)
        except PromptsInvalid as error:
            self._drop()
            self._said.show(f"{name} was not taken: {error}.")
            return
        self._upload.reset()
        self._clear.set_visibility(True)
        self._said.show(f"{len(self.prompts.prompts):,} prompts from {name}")
