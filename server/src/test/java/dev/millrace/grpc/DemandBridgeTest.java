package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscriber;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;

class DemandBridgeTest {

  @Test
  void aFailureThatCrossesACancellationIsNoErrorInTheLog() {
    Logger log = (Logger) LoggerFactory.getLogger(Operators.class);
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    log.addAppender(lines);
    try {
      AtomicReference<Subscriber<? super String>> source = new AtomicReference<>();
      DemandBridge<String> bridge = new DemandBridge<>(new UnreadCall());
      Flux.from(
              (Subscriber<? super String> subscriber) -> {
                source.set(subscriber);
                subscriber.onSubscribe(Operators.emptySubscription());
              })
          .map(text -> text)
          .subscribe(bridge);
      bridge.cancel();

      source.get().onError(new IllegalStateException("late"));

      assertThat(lines.list).isEmpty();
    } finally {
      log.detachAppender(lines);
    }
  }

  /** A call whose caller never reads. */
  private static final class UnreadCall extends ServerCallStreamObserver<String> {
    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public void setOnCancelHandler(Runnable handler) {}

    @Override
    public void setOnReadyThreshold(int bytes) {}

    @Override
    public void setCompression(String compression) {}

    @Override
    public boolean isReady() {
      return false;
    }

    @Override
    public void setOnReadyHandler(Runnable handler) {}

    @Override
    public void request(int count) {}

    @Override
    public void setMessageCompression(boolean enable) {}

    @Override
    public void disableAutoInboundFlowControl() {}

    @Override
    public void onNext(String value) {
      throw new AssertionError("never asked for " + value);
    }

    @Override
    public void onError(Throwable failure) {
      throw new AssertionError(failure);
    }

    @Override
    public void onCompleted() {
      throw new AssertionError("never completed");
    }
  }
}
