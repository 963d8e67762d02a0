"""Settings: limits, folders and times, from the environment (`OWNWORDS_...`) or given in code.

A wrong value is named by its setting, never shown: an environment may hold a passphrase.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from assistant.errors import SettingError


class Settings(BaseSettings):
    """Everything an agency may turn without touching a policy file."""

    model_config = SettingsConfigDict(env_prefix="OWNWORDS_", frozen=True, extra="ignore")

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("ownwords"))
    models_dir: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("ownwords") / "models"
    )
    passphrase: SecretStr | None = None  # else the OS keyring, else asked for
    anchor_file: Path | None = None  # second place for audit heads; default inside data_dir

    # Ingest
    max_bytes: int = Field(default=20_000_000, gt=0)
    max_turns: int = Field(default=20_000, gt=0)
    max_line_chars: int = Field(default=20_000, gt=0)

    # Draft
    max_note_words: int = Field(default=300, gt=0, le=300)
    model: str = "default"  # "default", a folder with a transformers model, or an http URL
    batch_size: int = Field(default=32, gt=0)

    # The app. Beyond this machine only with TLS.
    host: str = "127.0.0.1"
    port: int = Field(default=7420, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: str = ""  # how people reach it, for links; else made from host and port
    sign_in_hours: int = Field(default=10, gt=0)
    idle_minutes: int = Field(default=30, gt=0)
    person_minutes: int = Field(default=120, gt=0)
    link_days: int = Field(default=14, gt=0)
    come_back_days: int = Field(default=365, gt=0)
    payer_needs_cosign: bool = False  # a payer asks for a supervisor's co-signature
    oidc_issuer: str = ""  # the agency's own sign-in; needs the extra `oidc`
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None

    # Retention, in days; the raw transcript goes with the decision unless keep_transcript is set
    keep_transcript: bool = False
    undecided_days: int = Field(default=30, gt=0)


def load_settings(**overrides: object) -> Settings:
    """Read the settings; raises `SettingError` naming the setting that is wrong."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        names = sorted({str(item["loc"][0]) for item in error.errors()})
        raise SettingError(
            f"The setting {', '.join(names)} has a value that cannot be used. "
            "Correct it in the environment (OWNWORDS_...) and start again."
        ) from None
