"""Telling people what concerns them: notices in the application, by e-mail, by webhook, as a digest."""
