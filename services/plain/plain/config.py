"""The settings of a node. Field names are the environment's, in small letters; no secret has a default."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _peers(value: object) -> object:
    """`name=url,name=url` as a dictionary; blank means that there are none."""
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    if any(not url.strip().startswith(("http://", "https://")) for _, _, url in pairs):
        raise ValueError("write peers as name=http://host:port, several of them with commas")
    return {name.strip(): url.strip().rstrip("/") for name, _, url in pairs}


# HS256 wants a key of at least 32 bytes (RFC 7518, 3.2).
Secret = Annotated[SecretStr, Field(min_length=32)]


class Settings(BaseSettings):
    """All that differs between two nodes. What is not given is read from the environment."""

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    node_name: str = Field(min_length=1)
    peers: Annotated[dict[str, str], NoDecode, BeforeValidator(_peers)]  # the other nodes only
    database_path: Path
    jwt_secret: Secret
    replica_secret: Secret
    admin_username: str = Field(min_length=1)
    admin_password: Annotated[SecretStr, Field(min_length=12, max_length=72)]
    jwt_minutes: int = Field(default=480, ge=1)
    replication_retry_seconds: float = Field(default=0.5, gt=0)
    bcrypt_rounds: int = Field(default=12, ge=4, le=16)  # 2^n rounds; under 10 for tests only
