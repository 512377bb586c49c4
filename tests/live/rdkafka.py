"""What Debian's python3-confluent-kafka cannot ask yet, asked of librdkafka itself: the metadata of a commit, deleting records."""
import ctypes
import ctypes.util

from confluent_kafka import KafkaError, KafkaException

_lib = ctypes.CDLL(ctypes.util.find_library("rdkafka") or "librdkafka.so.1")


class _Partition(ctypes.Structure):
    _fields_ = [("topic", ctypes.c_char_p), ("partition", ctypes.c_int32), ("offset", ctypes.c_int64), ("metadata", ctypes.c_void_p),
                ("metadata_size", ctypes.c_size_t), ("opaque", ctypes.c_void_p), ("err", ctypes.c_int), ("private", ctypes.c_void_p)]


class _List(ctypes.Structure):
    _fields_ = [("cnt", ctypes.c_int), ("size", ctypes.c_int), ("elems", ctypes.POINTER(_Partition))]


def _declare(name, result, *arguments):
    function = getattr(_lib, name)
    function.restype, function.argtypes = result, arguments
    return function


_pointer, _list_pointer = ctypes.c_void_p, ctypes.POINTER(_List)
_conf_new = _declare("rd_kafka_conf_new", _pointer)
_conf_set = _declare("rd_kafka_conf_set", ctypes.c_int, _pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
_new = _declare("rd_kafka_new", _pointer, ctypes.c_int, _pointer, ctypes.c_char_p, ctypes.c_size_t)
_destroy = _declare("rd_kafka_destroy", None, _pointer)
_list_new = _declare("rd_kafka_topic_partition_list_new", _list_pointer, ctypes.c_int)
_list_add = _declare("rd_kafka_topic_partition_list_add", ctypes.POINTER(_Partition), _list_pointer, ctypes.c_char_p, ctypes.c_int32)
_list_destroy = _declare("rd_kafka_topic_partition_list_destroy", None, _list_pointer)
_committed = _declare("rd_kafka_committed", ctypes.c_int, _pointer, _list_pointer, ctypes.c_int)
_commit = _declare("rd_kafka_commit", ctypes.c_int, _pointer, _list_pointer, ctypes.c_int)
_queue_new = _declare("rd_kafka_queue_new", _pointer, _pointer)
_queue_destroy = _declare("rd_kafka_queue_destroy", None, _pointer)
_queue_poll = _declare("rd_kafka_queue_poll", _pointer, _pointer, ctypes.c_int)
_event_error = _declare("rd_kafka_event_error", ctypes.c_int, _pointer)
_event_destroy = _declare("rd_kafka_event_destroy", None, _pointer)
_delete_new = _declare("rd_kafka_DeleteRecords_new", _pointer, _list_pointer)
_delete_destroy = _declare("rd_kafka_DeleteRecords_destroy", None, _pointer)
_delete = _declare("rd_kafka_DeleteRecords", None, _pointer, ctypes.POINTER(_pointer), ctypes.c_size_t, _pointer, _pointer)
_CONSUMER = 1


class Handle:
    """One librdkafka consumer of `group`, closed by close() or by leaving the with block. It joins nothing."""

    def __init__(self, brokers, group):
        conf, error, self.group = _conf_new(), ctypes.create_string_buffer(512), group
        for name, value in (("bootstrap.servers", brokers), ("group.id", group), ("log_level", "0"), ("reconnect.backoff.max.ms", "500")):
            assert _conf_set(conf, name.encode(), value.encode(), error, 512) == 0, error.value
        self._handle = _new(_CONSUMER, conf, error, 512)
        assert self._handle, error.value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        _destroy(self._handle)

    def committed(self, topic, partitions):
        """{partition: (offset or None, metadata)}; the metadata is "" where there is none."""
        asked = _list_new(partitions)
        for number in range(partitions):
            _list_add(asked, topic.encode(), number)
        try:
            code = _committed(self._handle, asked, 10000)
            if code:
                raise KafkaException(KafkaError(code))
            found = {}
            for i in range(asked.contents.cnt):
                e = asked.contents.elems[i]
                text = ctypes.string_at(e.metadata, e.metadata_size).decode() if e.metadata else ""
                found[e.partition] = (e.offset if e.offset >= 0 else None, text)
            return found
        finally:
            _list_destroy(asked)

    def commit(self, topic, partition, offset):
        """Sets the group's offset by hand, without metadata, as an operator's tool does; nobody may be in the group."""
        given = _list_new(1)
        _list_add(given, topic.encode(), partition).contents.offset = offset
        try:
            code = _commit(self._handle, given, 0)
            assert code == 0, f"rd_kafka_commit: {code}"
        finally:
            _list_destroy(given)

    def delete_records(self, topic, partition, before):
        """Retention by hand: the log of the partition then starts at offset `before`."""
        given = _list_new(1)
        _list_add(given, topic.encode(), partition).contents.offset = before
        request, queue = _pointer(_delete_new(given)), _queue_new(self._handle)
        _delete(self._handle, ctypes.byref(request), 1, None, queue)
        event = _queue_poll(queue, 15000)
        code = _event_error(event) if event else -1
        if event:
            _event_destroy(event)
        _queue_destroy(queue)
        _delete_destroy(request)
        _list_destroy(given)
        assert code == 0, f"rd_kafka_DeleteRecords: {code}"
