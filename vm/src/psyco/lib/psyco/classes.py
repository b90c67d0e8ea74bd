"""Base classes whose instances are small and whose methods are bound.

    from psyco.classes import *

    class Point(psyobj):
        ...
"""

import _psyco
from _collections_abc import MutableMapping as _MutableMapping

__all__ = ["psyobj", "psymetaclass", "__metaclass__"]


compact = None


class _Attributes(_MutableMapping):
    """The __dict__ of a compact instance."""

    def __init__(self, instance):
        self._instance = instance

    def __getitem__(self, name):
        value = _psyco.compact_get(self._instance, name, _Attributes)
        if value is _Attributes:
            raise KeyError(name)
        return value

    def __setitem__(self, name, value):
        _psyco.compact_set(self._instance, name, value)

    def __delitem__(self, name):
        if not _psyco.compact_delete(self._instance, name):
            raise KeyError(name)

    def __contains__(self, name):
        return isinstance(name, str) and name in _psyco.compact_names(self._instance)

    def __iter__(self):
        return iter(_psyco.compact_names(self._instance))

    def __len__(self):
        return len(_psyco.compact_names(self._instance))

    def __repr__(self):
        return repr(dict(self))


class compacttype(type):
    """The class of compact classes: their instances keep attributes without a dict of their own.

    Instances have a __dict__ that shows the attributes and can be written to. They can't
    have __slots__, and no weak references.
    """

    def __new__(metacls, name, bases, namespace, **keywords):
        if "__slots__" in namespace:
            raise psyco.error("compact classes can't have __slots__")
        if not any(issubclass(base, _psyco.Compact) for base in bases):
            bases = (*(base for base in bases if base is not object), compact or _psyco.Compact)
        namespace = dict(namespace)
        # No dict for the instances: Compact keeps their attributes.
        namespace["__slots__"] = ()
        return super().__new__(metacls, name, bases, namespace, **keywords)


class compact(metaclass=compacttype):
    """The base of compact classes."""

    @property
    def __dict__(self):
        return _Attributes(self)

    @__dict__.setter
    def __dict__(self, value):
        attributes = _Attributes(self)
        value = dict(value)
        attributes.clear()
        attributes.update(value)

    def __dir__(self):
        return sorted({*object.__dir__(self), *_psyco.compact_names(self)})

    def __getstate__(self):
        return dict(_Attributes(self)) or None


class psymetaclass(compacttype):
    """Compact, and all functions of the class are bound."""

    def __new__(metacls, name, bases, namespace, **keywords):
        cls = super().__new__(metacls, name, bases, namespace, **keywords)
        try:
            psyco.bind(cls)
        except psyco.error:
            # There is nothing to bind.
            pass
        return cls


__metaclass__ = psymetaclass

import psyco  # noqa: E402


class psyobj(metaclass=psymetaclass):
    """The base of compact classes whose methods are bound."""
