"""The screens: one local server, and for each kind of user only their own.

`server` puts it together, `guard` stands in front, `entrance` lets staff in, `person` is for the
person a note is about, `peer` and `governance` are Gradio, `supervisor` and `admin` plain pages.
Screens turn clicks into actions of the workspace and records into words; they decide nothing.
"""
