"""The configuration: ``relay.toml``, from the file to settings."""

from relay.config.loading import ConfigError, load

__all__ = ["ConfigError", "load"]
