"""What a Kafka user may do, asked of librdkafka itself: Debian's python3-confluent-kafka knows no ACLs yet."""
import ctypes

import rdkafka
from rdkafka import _declare, _event_destroy, _event_error, _pointer, _queue_destroy, _queue_new, _queue_poll

TOPIC, GROUP = 2, 3
READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS = 3, 4, 8, 10
_LITERAL, _ALLOW = 3, 3

_text, _int = ctypes.c_char_p, ctypes.c_int
_arguments = (_int, _text, _int, _text, _text, _int, _int, _text, ctypes.c_size_t)
_binding = _declare("rd_kafka_AclBinding_new", _pointer, *_arguments)
_filter = _declare("rd_kafka_AclBindingFilter_new", _pointer, *_arguments)
_destroy = _declare("rd_kafka_AclBinding_destroy", None, _pointer)
_requests = [_pointer, ctypes.POINTER(_pointer), ctypes.c_size_t, _pointer, _pointer]
_create = _declare("rd_kafka_CreateAcls", None, *_requests)
_delete = _declare("rd_kafka_DeleteAcls", None, *_requests)


def _ask(bootstrap, make, request, kind, name, operation):
    error = ctypes.create_string_buffer(512)
    binding = _pointer(make(kind, name.encode(), _LITERAL, b"User:orderd", b"*", operation, _ALLOW, error, 512))
    assert binding.value, error.value
    with rdkafka.Handle(bootstrap, "acls") as handle:
        queue = _queue_new(handle._handle)
        request(handle._handle, ctypes.byref(binding), 1, None, queue)
        event = _queue_poll(queue, 70000)      # a frozen broker may be asked first
        code = _event_error(event) if event else -1
        if event:
            _event_destroy(event)
        _queue_destroy(queue)
    _destroy(binding)
    assert code == 0, f"{request.__name__}: {code}"


def allow(bootstrap, kind, name, operation):
    _ask(bootstrap, _binding, _create, kind, name, operation)


def revoke(bootstrap, kind, name, operation):
    _ask(bootstrap, _filter, _delete, kind, name, operation)
