package dev.millrace.grpc;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.v1.ConverseRequest;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/** Commands on their way from gRPC to an answer that waits for one at a time. */
final class CommandBox {
  private static final int MAX_WAITING = 64;

  private final Deque<ConverseRequest> waiting = new ArrayDeque<>();
  private @Nullable MonoSink<ConverseRequest> taker;

  /**
   * @throws dev.millrace.request.InvalidRequestException when too many wait
   */
  void put(ConverseRequest command) {
    MonoSink<ConverseRequest> ready;
    synchronized (this) {
      ready = taker;
      taker = null;
      if (ready == null) {
        if (waiting.size() == MAX_WAITING) {
          throw invalid("command", MAX_WAITING + " commands wait already; answer one at a time");
        }
        waiting.add(command);
      }
    }
    if (ready != null) {
      ready.success(command);
    }
  }

  /** The next command, when it has come; for one at a time. */
  Mono<ConverseRequest> take() {
    return Mono.create(
        sink -> {
          ConverseRequest ready;
          synchronized (this) {
            ready = waiting.poll();
            taker = ready == null ? sink : null;
          }
          if (ready != null) {
            sink.success(ready);
          }
        });
  }
}
