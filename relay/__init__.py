"""A self-hosted, byte-exact gateway for AI providers' realtime WebSocket APIs."""
