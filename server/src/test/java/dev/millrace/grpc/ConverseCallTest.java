package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.request.RequestReader;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.scheduler.Schedulers;

class ConverseCallTest {
  private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();

  /** Here a turn that waits begins within the signal that ends the one before. */
  @Test
  void theTurnThatRunsIsTheOneThatBeganLast() throws Exception {
    try (Loopback loopback = Loopback.hashing()) {
      ConverseCall call =
          new ConverseCall(
              loopback.models,
              new RequestReader(() -> 1),
              Schedulers.immediate(),
              new CallRecord("Converse", "somewhere").calledBy("somebody"),
              Optional.empty());
      Disposable running = call.responses().subscribe(arrived::add, arrived::add);
      send(
          call,
          b -> b.getOpenBuilder().setRequest(Loopback.request("hello", 1)).setCallerPicks(true));
      send(call, ConverseRequest.Builder::getRegenerateBuilder);

      pickUntilTheEnd(call);
      pickUntilTheEnd(call);

      running.dispose();
    }
  }

  private static void send(ConverseCall call, Consumer<ConverseRequest.Builder> command) {
    ConverseRequest.Builder builder = ConverseRequest.newBuilder();
    command.accept(builder);
    call.onNext(builder.build());
  }

  private void pickUntilTheEnd(ConverseCall call) throws InterruptedException {
    ConverseResponse event;
    do {
      Object next = arrived.poll(Loopback.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertThat(next).isInstanceOf(ConverseResponse.class);
      event = (ConverseResponse) next;
      if (event.hasPick()) {
        ConverseResponse.PickRequest asked = event.getPick();
        send(call, b -> b.getPickBuilder().setPosition(asked.getPosition()).setId('a'));
      }
    } while (!event.hasSummary());
  }
}
