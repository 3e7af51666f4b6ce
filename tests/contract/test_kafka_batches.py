"""Batches that are put together here are what the client would have made of the same records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaProducer
from kafka.errors import KafkaError

from monitor.logs.kafka_batches import Bulk, bulk_of
from tests.real.kafka import ApacheKafka

RECORDS = st.lists(st.tuples(st.binary(max_size=300), st.none() | st.binary(min_size=1, max_size=80)), min_size=1)
HEADERS = st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=70)), max_size=3)


@pytest.fixture(scope="module")
def producer(apache_kafka: ApacheKafka) -> Iterator[KafkaProducer]:
    with KafkaProducer(bootstrap_servers=apache_kafka.bootstrap, metrics_enabled=False) as made:
        yield made


@pytest.fixture(scope="module")
def bulk(producer: KafkaProducer) -> Bulk:
    made = bulk_of(producer)
    assert made is not None, "this version of the client takes whole batches"
    return made


@given(records=RECORDS, headers=HEADERS)
def test_bytes_are_the_clients_own(
    bulk: Bulk, records: list[tuple[bytes, bytes | None]], headers: list[tuple[str, bytes]]
) -> None:
    """Whatever is in values, keys and headers."""
    assert bulk.agrees([value for value, _ in records], [key for _, key in records], headers)


def test_more_than_a_batch_arrives_whole_and_in_order(
    apache_kafka: ApacheKafka, producer: KafkaProducer, bulk: Bulk
) -> None:
    """Records of three megabytes, one of them larger than a batch, are there once each, with key, headers and time."""
    apache_kafka.create({"bulk": 2})
    values = [bytes([i % 251]) * 3000 for i in range(1000)]
    values[500] = b"x" * 400_000
    keys = [str(i).encode() for i in range(1000)]
    told = bulk.send("bulk", values, keys, [("a", b"b")], 1, 1_700_000_000_000)
    producer.flush(30)
    found = apache_kafka.all("bulk", 1)
    assert [each.value for each in found] == values
    assert [each.key for each in found] == keys
    assert [each.get(timeout=0).offset for each in told] == list(range(1000))
    assert found[7].headers == [("a", b"b"), ("ce_id", b"7")]
    assert {each.timestamp for each in found} == {1_700_000_000_000}


def test_a_partition_that_is_not_there_is_an_error_of_the_clients(apache_kafka: ApacheKafka, bulk: Bulk) -> None:
    """So that the log is given up and joined again, and the process lives on."""
    apache_kafka.create({"narrow": 1})
    with pytest.raises(KafkaError, match="no partition 3"):
        bulk.send("narrow", [b"x"], [None], (), 3, 1)


def test_a_client_that_is_built_another_way_is_given_its_records_one_by_one() -> None:
    """Nothing is taken for granted of what is private."""
    assert bulk_of(object()) is None
