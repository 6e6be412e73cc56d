"""Installs clients, starts servers for them, runs their scripts and counts what these compared."""
