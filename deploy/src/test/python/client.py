"""A client made from proto/ alone: client.py HOST:PORT WHAT, with WHAT one of the functions below.

Ends with 0 if the server did as the API says.
"""

import sys
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from millrace.v1 import generation_pb2 as generation
from millrace.v1 import generation_pb2_grpc, models_pb2, models_pb2_grpc

# A library in C that reads fast widens its windows to megabytes. With these options it doesn't.
NARROW = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024)]
MOST_AHEAD_BYTES = 65_535 + 256

USAGE_TRAILER = "millrace-usage-bin"


def request(max_tokens, **more):
    return generation.GenerateRequest(
        text="It is easy",
        stop=generation.StopCriteria(max_tokens=max_tokens, ignore_eos=True),
        **more,
    )


def endless():
    """More events, and larger ones, than any buffer on the way can hold."""
    output = generation.OutputOptions(tokens=True, logprobs=True, top_candidates=20)
    return request(1500, output=output)


def usage_of(call):
    values = [value for key, value in call.trailing_metadata() if key == USAGE_TRAILER]
    assert len(values) == 1, call.trailing_metadata()
    return generation.Usage.FromString(values[0])


def stats(channel):
    engine = models_pb2_grpc.EngineServiceStub(channel)
    return engine.GetEngineStats(models_pb2.GetEngineStatsRequest()).stats


def wait_until_idle(channel):
    end = time.monotonic() + 10
    while True:
        now = stats(channel)
        sequences = now.waiting_sequences + now.running_sequences + now.stalled_sequences
        if sequences == 0 and now.kv_blocks_in_use == 0:
            return now
        assert time.monotonic() < end, f"still busy: {now}"
        time.sleep(0.02)


def generates(channel):
    stub = generation_pb2_grpc.TextGenerationServiceStub(channel)
    call = stub.Generate(request(20, request_id="from-python"), timeout=60)
    events = list(call)

    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[:2] == ["started", "prompt"], kinds
    assert set(kinds[2:-2]) == {"delta"}, kinds
    assert kinds[-2:] == ["finished", "summary"], kinds
    assert events[0].started.request_id == "from-python"
    assert events[-2].finished.reason == generation.FINISH_REASON_MAX_TOKENS
    assert sum(len(event.delta.token_ids) for event in events) == 20
    assert events[-1].summary.usage.completion_tokens == 20
    assert usage_of(call) == events[-1].summary.usage

    once = stub.GenerateOnce(generation.GenerateOnceRequest(request=request(20)), timeout=60)
    assert once.candidates[0].text == "".join(event.delta.text for event in events)


def cancels(channel):
    stub = generation_pb2_grpc.TextGenerationServiceStub(channel)
    before = stats(channel).requests_cancelled
    call = stub.Generate(endless(), timeout=60)
    for event in call:
        if event.WhichOneof("event") == "delta":
            call.cancel()
            break

    assert call.code() == grpc.StatusCode.CANCELLED, call.code()
    assert wait_until_idle(channel).requests_cancelled == before + 1


def leaves_the_rest_unmade(channel):
    """docs/client.md says how far ahead a server runs of a Python client that reads one event and then sleeps."""
    narrow = grpc.insecure_channel(sys.argv[1], NARROW)
    stub = generation_pb2_grpc.TextGenerationServiceStub(narrow)
    before = stats(channel)
    call = stub.Generate(endless(), timeout=60)
    for event in call:
        if event.WhichOneof("event") == "delta":
            break
    bytes_each = event.ByteSize()  # that of others differs little

    end, last, looks = time.monotonic() + 20, -1, 0
    while looks < 25:  # until it's the same for half a second
        now = stats(channel)
        looks = looks + 1 if now.stalled_sequences == 1 and now.completion_tokens == last else 0
        last = now.completion_tokens
        assert time.monotonic() < end, f"not stalled: {now}"
        time.sleep(0.02)
    ahead = last - before.completion_tokens - 1
    # The stream's window, what waits for being sent, the outlet, and one on its way or two.
    print(f"{ahead} tokens ahead, {bytes_each} bytes each")
    assert ahead <= MOST_AHEAD_BYTES / bytes_each + 8 + 2, (ahead, bytes_each)
    call.cancel()
    narrow.close()
    wait_until_idle(channel)


def hits_a_deadline(channel):
    stub = generation_pb2_grpc.TextGenerationServiceStub(channel)
    call = stub.Generate(endless(), timeout=1)
    deltas = 0
    try:
        for event in call:
            deltas += event.WhichOneof("event") == "delta"
            time.sleep(0.02)  # so slowly that the end can't be reached in time
        raise AssertionError("the stream ended well")
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.DEADLINE_EXCEEDED, e
    assert deltas > 0
    wait_until_idle(channel)


def reads_error_details(channel):
    stub = generation_pb2_grpc.TextGenerationServiceStub(channel)
    sampling = generation.SamplingParameters(temperature=-1)
    call = stub.Generate(request(5, sampling=sampling), timeout=60)
    try:
        list(call)
        raise AssertionError("the stream ended well")
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.INVALID_ARGUMENT, e
    details = rpc_status.from_call(call).details
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in details), details
    assert info.reason, info
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in details), details
    assert bad.field_violations[0].field == "sampling.temperature", bad
    assert usage_of(call) == generation.Usage()


if __name__ == "__main__":
    target, what = sys.argv[1:]
    with grpc.insecure_channel(target) as channel:
        globals()[what](channel)
