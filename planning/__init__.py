"""Pure decisions: brief reading, audience, allocation and selection. Imports no Django, opens no socket."""
