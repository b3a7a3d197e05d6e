"""The few plain HTML elements that everything else is drawn with.

All text reaches the page as text, never as markup, so that no model's answer and no error message
can become part of the page.
"""

from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement


class Text(TextElement):
    """A `span`, `p`, `h2`, … that holds text."""

    def __init__(self, text: str = "", *, tag: str = "span", classes: str = "") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)

    def show(self, text: str) -> None:
        """Change the text; costs nothing when it is the same."""
        if self.text != text:
            self.text = text


def box(classes: str = "", *, tag: str = "div", **attributes: Any) -> ui.element:
    """Return an empty element to fill by `with`."""
    element = ui.element(tag).classes(classes)
    attribute(element, **attributes)
    return element


def attribute(element: ui.element, **attributes: Any) -> None:
    """Set HTML attributes: `aria_label` is `aria-label`; None removes one."""
    for name, value in attributes.items():
        key = name.rstrip("_").replace("_", "-")
        if value is None:
            element.props.pop(key, None)
        elif element.props.get(key) != value:
            element.props[key] = value


def swap_class(element: ui.element, prefix: str, value: str) -> None:
    """Give an element the one class `prefix-value`, and no other with that prefix."""
    wanted = f"{prefix}-{value}"
    if wanted not in element.classes:
        old = " ".join(name for name in element.classes if name.startswith(f"{prefix}-"))
        element.classes(remove=old, add=wanted)


def icon_button(icon: str, label: str, on_click: Any) -> ui.button:
    """Return a button that shows only an icon; the label names it for screen readers."""
    button = ui.button(icon=icon, on_click=on_click, color=None).props("unelevated no-caps")
    button.classes("icon-button")
    attribute(button, aria_label=label, title=label)
    return button
