package dev.millrace.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.BaseSubscriber;
import reactor.util.context.Context;

/**
 * Carries a publisher into a gRPC call, one element at a time: the next one is asked for when the
 * last one has been handed to the transport and the transport has room. So a caller that doesn't
 * read leaves the publisher without demand, but for what HTTP/2's windows and {@link
 * #READY_THRESHOLD_BYTES} hold; nothing is queued here. A call that is cancelled cancels the
 * publisher.
 *
 * <p>Must be made before the service's method returns: gRPC takes handlers only until then.
 * Subscribing may come later.
 */
final class DemandBridge<T> extends BaseSubscriber<T> {
  /**
   * The call counts as ready while fewer bytes wait for being written than this: some ten messages
   * of one token. gRPC's own default, 32 KiB, is a thousand; much less would make a fast stream
   * wait for the event loop between tokens. With our client's window and an outlet it keeps what is
   * decoded ahead of a reader below 64 tokens.
   */
  static final int READY_THRESHOLD_BYTES = 256;

  private static final Logger log = LoggerFactory.getLogger(DemandBridge.class);

  /** Where Reactor's operators look for who takes failures that come behind a cancellation. */
  private static final String ON_ERROR_DROPPED = "reactor.onErrorDropped.local";

  private final ServerCallStreamObserver<T> call;
  private final AtomicBoolean asked = new AtomicBoolean(); // for an element that hasn't come yet

  DemandBridge(StreamObserver<T> observer) {
    call = (ServerCallStreamObserver<T>) observer;
    call.setOnReadyThreshold(READY_THRESHOLD_BYTES);
    call.setOnReadyHandler(this::askIfReady);
    call.setOnCancelHandler(this::cancel);
  }

  /** A failure that crosses a cancellation is no defect, as Reactor would log it. */
  @Override
  public Context currentContext() {
    Consumer<Throwable> late = DemandBridge::tellOfLate;
    return Context.of(ON_ERROR_DROPPED, late);
  }

  private static void tellOfLate(Throwable failure) {
    log.debug("the caller had gone already: {}", failure.toString());
  }

  @Override
  protected void hookOnSubscribe(Subscription subscription) {
    askIfReady();
  }

  @Override
  protected void hookOnNext(T element) {
    call.onNext(element);
    // In this order: if the call turns ready in between, that isn't missed below.
    asked.set(false);
    askIfReady();
  }

  @Override
  protected void hookOnComplete() {
    call.onCompleted();
  }

  @Override
  protected void hookOnError(Throwable failure) {
    call.onError(StatusTranslator.translate(failure));
  }

  /** From whatever thread; several at once ask once. */
  private void askIfReady() {
    if (upstream() != null && call.isReady() && asked.compareAndSet(false, true)) {
      request(1);
    }
  }
}
