"""Message classes from the text of a schema, so that a format's protobuf files need no generated code.

The schema is a subset of the proto2 language (protobuf.dev/reference/protobuf/proto2-spec): messages, nested messages,
enums, and fields with `default` and `packed`. The classes live in a pool of their own, so that they never clash with
those of TensorFlow or of another package.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    kind.removeprefix("TYPE_").lower(): number
    for kind, number in Field.Type.items()
    if kind not in ("TYPE_GROUP", "TYPE_MESSAGE", "TYPE_ENUM")
}
_LABELS = {"optional": Field.LABEL_OPTIONAL, "repeated": Field.LABEL_REPEATED, "required": Field.LABEL_REQUIRED}
_TOKEN = re.compile(r'//[^\n]*|\s+|([\w.+-]+|"[^"]*"|[{}\[\]=;,])')


def classes(schema: str, package: str) -> dict[str, Any]:
    """Make the classes of a schema's top-level messages.

    Args:
        schema: its text, without `syntax` and `package` lines.
        package: the protobuf package, `caffe`.

    >>> point = classes("message Point { optional int32 x = 1; repeated float y = 2 [packed = true]; }", "doc")["Point"]
    >>> point.FromString(point(x=3, y=[0.5]).SerializeToString()).y[0]
    0.5
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    tokens = [found.group(1) for found in _TOKEN.finditer(schema) if found.group(1)]
    tokens.reverse()
    while tokens:
        _declaration(tokens, file.message_type, file.enum_type)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindFileByName(file.name).message_types_by_name
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


def _declaration(tokens: list[str], messages: Any, enums: Any) -> None:
    kind, name = tokens.pop(), tokens.pop()
    _expect(tokens, "{")
    if kind == "enum":
        _enum(tokens, enums.add(name=name))
    elif kind == "message":
        _message(tokens, messages.add(name=name))
    else:
        raise ValueError(f"the schema has {kind} {name}; expected a message or an enum")


def _message(tokens: list[str], message: Any) -> None:
    while tokens[-1] != "}":
        if tokens[-1] in ("message", "enum"):
            _declaration(tokens, message.nested_type, message.enum_type)
        else:
            _field(tokens, message.field.add())
    tokens.pop()


def _enum(tokens: list[str], enum: Any) -> None:
    while tokens[-1] != "}":
        name = tokens.pop()
        _expect(tokens, "=")
        enum.value.add(name=name, number=int(tokens.pop()))
        _expect(tokens, ";")
    tokens.pop()


def _field(tokens: list[str], field: Any) -> None:
    """Read `label type name = number [options];`; the pool tells enums and messages apart by their names."""
    field.label, kind, field.name = _LABELS[tokens.pop()], tokens.pop(), tokens.pop()
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type_name = kind
    _expect(tokens, "=")
    field.number = int(tokens.pop())
    if tokens[-1] == "[":
        _options(tokens, field)
    _expect(tokens, ";")


def _options(tokens: list[str], field: Any) -> None:
    while tokens.pop() != "]":
        option = tokens.pop()
        _expect(tokens, "=")
        value = tokens.pop()
        if option == "packed":
            field.options.packed = value == "true"
        elif option == "default":
            field.default_value = value.strip('"')
        else:
            raise ValueError(f"the schema gives {field.name} the option {option}; expected packed or default")


def _expect(tokens: list[str], token: str) -> None:
    if (got := tokens.pop()) != token:
        raise ValueError(f"the schema has {got!r}; expected {token!r}")
