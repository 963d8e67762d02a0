"""Colours and fonts of the Gradio screens: those of the other pages, nothing from elsewhere."""

from __future__ import annotations

import gradio as gr

_LIGHT = {
    "paper": "#fffdf8", "ink": "#1d2430", "soft": "#4a5464", "line": "#767f8d", "field": "#ffffff",
    "calm": "#1f5f5b", "calm_ink": "#ffffff", "panel": "#f1f4ef", "trouble": "#8a2c1a",
}  # fmt: skip
_DARK = {
    "paper": "#14181d", "ink": "#edf0ef", "soft": "#b9c2c9", "line": "#8b95a1", "field": "#1d2329",
    "calm": "#8fd1c8", "calm_ink": "#10211f", "panel": "#1f262c", "trouble": "#ffb3a1",
}  # fmt: skip
# What Gradio calls a thing -> which of our colours it has.
_COLOURS = {
    "body_background_fill": "paper", "body_text_color": "ink", "body_text_color_subdued": "soft",
    "background_fill_primary": "paper", "background_fill_secondary": "panel",
    "border_color_primary": "line", "border_color_accent": "calm", "color_accent_soft": "panel",
    "link_text_color": "calm", "link_text_color_active": "calm", "link_text_color_hover": "calm",
    "link_text_color_visited": "calm", "block_background_fill": "paper",
    "block_border_color": "line", "block_info_text_color": "soft",
    "block_label_background_fill": "paper", "block_label_text_color": "ink",
    "block_title_text_color": "ink", "panel_background_fill": "panel",
    "accordion_text_color": "ink", "input_background_fill": "field",
    "input_background_fill_focus": "field", "input_background_fill_hover": "field",
    "input_border_color": "line", "input_border_color_focus": "calm",
    "input_border_color_hover": "line", "input_placeholder_color": "soft",
    "checkbox_background_color": "field", "checkbox_background_color_focus": "field",
    "checkbox_background_color_hover": "field", "checkbox_background_color_selected": "calm",
    "checkbox_border_color": "line", "checkbox_border_color_focus": "calm",
    "checkbox_border_color_hover": "line", "checkbox_border_color_selected": "calm",
    "checkbox_label_background_fill": "paper", "checkbox_label_background_fill_hover": "panel",
    "checkbox_label_background_fill_selected": "panel", "checkbox_label_border_color": "line",
    "checkbox_label_text_color": "ink", "checkbox_label_text_color_selected": "ink",
    "error_background_fill": "panel", "error_text_color": "trouble",
    "button_primary_background_fill": "calm", "button_primary_background_fill_hover": "calm",
    "button_primary_border_color": "calm", "button_primary_border_color_hover": "calm",
    "button_primary_text_color": "calm_ink", "button_primary_text_color_hover": "calm_ink",
    "button_secondary_background_fill": "paper", "button_secondary_background_fill_hover": "panel",
    "button_secondary_border_color": "calm", "button_secondary_border_color_hover": "calm",
    "button_secondary_text_color": "calm", "button_secondary_text_color_hover": "calm",
}  # fmt: skip


def make_theme() -> gr.themes.Base:
    """Return the theme; fonts are those the machine has, so that nothing is fetched."""
    base = gr.themes.Base(
        text_size="lg",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    colours = {name: _LIGHT[ours] for name, ours in _COLOURS.items()}
    dark = {f"{name}_dark": _DARK[ours] for name, ours in _COLOURS.items()}
    known = set(base.set.__code__.co_varnames)
    shape = {
        "button_border_width": "2px", "input_border_width": "1px", "block_border_width": "0px",
        "button_border_width_dark": "2px", "input_border_width_dark": "1px",
        "block_border_width_dark": "0px", "block_label_border_width": "0px",
        "checkbox_label_border_width": "1px", "checkbox_label_border_width_dark": "1px",
        "block_title_text_weight": "600", "block_padding": "0.5rem 0",
        "button_large_text_weight": "600", "button_medium_text_weight": "600",
        "block_shadow": "none", "block_shadow_dark": "none", "button_secondary_shadow": "none",
        "input_shadow": "none", "checkbox_label_shadow": "none",
    }  # fmt: skip
    chosen = {**colours, **dark, **shape}
    return base.set(**{name: value for name, value in chosen.items() if name in known})
