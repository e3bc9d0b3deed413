"""The Flask blueprint that every view module adds its pages to."""

from flask import Blueprint

blueprint = Blueprint(
    "desk", __name__, url_prefix="/desk", template_folder="templates", static_folder="static", static_url_path="/static"
)
