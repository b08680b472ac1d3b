"""Protobuf messages of foreign protocols, declared here and compiled when they are imported.

Two liberties, both invisible on the wire: strings are declared as bytes, so that text which is not UTF-8
does not cost the message, and repeated messages may be, so that a malformed one does not cost the others.
They are in a pool of their own: other libraries may have declared the same messages.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_SCALARS: Final = {
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "fixed64": FieldDescriptorProto.TYPE_FIXED64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
}

Fields: TypeAlias = Mapping[str, tuple[int, str]]
"""Of each field its number and its type: a scalar, or the name of a message of the same package.

`repeated ` may stand before the type. Enums are `int32`, which they are on the wire.
"""


def declare(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """The classes of messages, by name."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, described) in fields.items():
            kind = described.removeprefix("repeated ")
            added = message.field.add(name=field, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if kind != described:
                added.label = FieldDescriptorProto.LABEL_REPEATED
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{package}.{kind}"
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}
