"""Every absl definition; turns flags into settings."""
