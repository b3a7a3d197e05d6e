"""The form of the dashboard: labelled fields, refusals at their fields, the two buttons."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from ..state.fields import FIELDS, OPTIONS, FormField, shown
from .elements import Text, attribute, box
from .prompt_file import PromptFile

Action = Callable[[], Awaitable[None]]
ModelSource = Callable[[str], Awaitable[list[str]]]


class ConfigForm:
    """Shows the fields and holds their values; what they mean is for others to say."""

    def __init__(
        self,
        *,
        endpoint: str,
        models: ModelSource,
        on_run: Action,
        on_stop: Action,
    ) -> None:
        self._models = models
        self._on_run = on_run
        self._inputs: dict[str, ValidationElement[Any]] = {}
        self._rows: dict[str, ui.element] = {}
        with box("controls", tag="section", aria_label="Test configuration"):
            for field in FIELDS:
                if not field.advanced:
                    self._draw(field, initial=endpoint if field.name == "endpoint" else None)
            self._run = ui.button("Run performance tests", on_click=on_run, color=None)
            self._run.props("unelevated no-caps").classes("button-main").mark("run")
            self._stop = ui.button("Stop", on_click=on_stop, color=None)
            self._stop.props("unelevated no-caps").classes("button-plain").mark("stop")
            self._refusal = Text(tag="p", classes="refusal")
            attribute(self._refusal, role="alert")
            with ui.expansion("Advanced").classes("advanced").props("dense") as self._advanced:
                Text("Sides, scenario, prompts, warm-up and limits", tag="p", classes="hint")
                for field in FIELDS:
                    if field.advanced:
                        self._draw(field)
                    if field.name == "prompt":
                        self._prompt_file = PromptFile()
        for name, choices in OPTIONS.items():
            self.offer(name, choices)
        self._show_fields()

    @property
    def values(self) -> dict[str, Any]:
        """What is in the fields now, by JSON name."""
        values = {name: entry.value for name, entry in self._inputs.items()}
        chosen = self._prompt_file.prompts
        return values | ({"prompts": chosen} if chosen else {})

    def refuse(self, reasons: dict[str, str]) -> None:
        """Show each refusal at its field and none at the others."""
        for name, entry in self._inputs.items():
            entry.error = reasons.get(name)
            attribute(entry, aria_invalid="true" if name in reasons else None)
        if any(field.advanced and field.name in reasons for field in FIELDS):
            self._advanced.open()
        elsewhere = [reason for name, reason in reasons.items() if name not in self._inputs]
        self._refusal.show(" ".join(elsewhere))

    def offer(self, name: str, choices: Mapping[str, str]) -> None:
        """Offer these choices (value → words); what is chosen stays as far as it is offered."""
        select = self._inputs[name]
        assert isinstance(select, ui.select)  # noqa: S101 - drawn as one below
        if select.options == choices:
            return
        value = select.value
        if select.multiple:
            value = [entry for entry in value if entry in choices]
        elif value not in choices:
            value = next(iter(choices), None)
        select.set_options(dict(choices), value=value)

    def choose(self, name: str, value: Any) -> None:
        """Set a field's value, as if somebody had."""
        self._inputs[name].value = value

    def allow(self, *, run: bool, stop: bool) -> None:
        """Say which of the two buttons can be used."""
        self._run.set_enabled(run)
        self._stop.set_enabled(stop)

    def _draw(self, field: FormField, *, initial: Any = None) -> None:
        with box("field") as row:
            label = Text(field.label, tag="label", classes="field-label")
            entry = _input(field, field.initial if initial is None else initial)
            if field.kind == "model":
                self._model_menu(entry)
        # An id of our own: the library gives its own to more than one element of a select.
        identity = f"field-{field.name}"
        attribute(label, for_=identity)
        attribute(entry, for_=identity, aria_label=field.label)
        entry.props("outlined dense hide-bottom-space").classes("field-input")
        entry.mark(field.name)
        if field.hint:
            attribute(entry, hint=field.hint)
        if field.kind in ("integer", "decimal", "text", "model"):
            entry.on("keydown.enter", self._run_by_key)
        if any(other.only_when and other.only_when[0] == field.name for other in FIELDS):
            entry.on_value_change(self._show_fields)
        self._inputs[field.name] = entry
        self._rows[field.name] = row

    async def _run_by_key(self) -> None:
        if self._run.enabled:
            await self._on_run()

    def _show_fields(self) -> None:
        values = self.values
        for field in FIELDS:
            self._rows[field.name].set_visibility(shown(field, values))

    def _model_menu(self, entry: ValidationElement[Any]) -> None:
        with entry.add_slot("append"):
            button = ui.button(icon="expand_more", color=None).props("flat dense")
            button.classes("field-button").mark("choose-model")
            attribute(button, aria_label="Choose an installed model", aria_haspopup="menu")
        with button, ui.menu().props('auto-close anchor="bottom right" self="top right"') as menu:
            attribute(menu, aria_label="Installed models")

        async def fill() -> None:
            names = await self._models(str(self._inputs["endpoint"].value or ""))
            menu.clear()
            with menu:
                for name in names:
                    ui.menu_item(name, lambda name=name: entry.set_value(name))
                if not names:
                    ui.menu_item("This endpoint lists no models").props("disable")

        button.on_click(fill)


def _input(field: FormField, value: Any) -> ValidationElement[Any]:
    if field.kind in ("select", "sides"):
        several = field.kind == "sides"
        choice = ui.select(
            [] if several else [value], value=list(value) if several else value, multiple=several
        )
        return choice.props('behavior="menu" options-dense dropdown-icon=expand_more')
    if field.kind == "integer":
        return ui.number(value=value).props("step=1 inputmode=numeric")
    if field.kind == "decimal":
        return ui.number(value=value).props("step=any inputmode=decimal")
    if field.kind == "area":
        return ui.textarea(value=value or "").props("autogrow")
    return ui.input(value="" if value is None else str(value)).props(
        "autocomplete=off spellcheck=false"
    )
