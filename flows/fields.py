"""The state field of every lifecycle.

django-fsm-2 protects the field by a flag on the class while it reloads a row, so a refresh in one thread opens the
door for every other thread (4,445 holes in 10,000 refreshes, stack.md section 1). Our flag is on the instance.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django_fsm import ConcurrentTransitionMixin, FSMField, FSMFieldDescriptor


class _Guard(FSMFieldDescriptor):
    def __set__(self, instance: models.Model, value: Any) -> None:
        if getattr(instance, "_reloading", False):
            instance.__dict__[self.field.name] = self.field.to_python(value)
        else:
            super().__set__(instance, value)


class StateField(FSMField):
    descriptor_class = _Guard

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("protected", True)
        kwargs.setdefault("max_length", 40)
        super().__init__(*args, **kwargs)


class Lifecycle(ConcurrentTransitionMixin, models.Model):
    """A model with one protected state field. Transitions are sync and change fields only; save at once."""

    class Meta:
        abstract = True

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        self._reloading = True
        try:
            models.Model.refresh_from_db(self, *args, **kwargs)
            self._update_initial_state()
        finally:
            self._reloading = False
